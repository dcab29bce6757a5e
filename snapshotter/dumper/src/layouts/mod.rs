//! How CPython lays out the objects of a code archive in memory: one table per minor version.
//!
//! Everything here holds for 64-bit, little-endian release builds with the GIL. The tables are
//! compared with each interpreter's C headers by `tests/test_layouts.py`, and with its live objects
//! by [`crate::probe`] whenever a dumper is made.

use glowplug_archive::header::StringMark;

mod py310;
mod py311;
mod py312;
mod py313;
mod py314;

/// Minor versions of CPython 3 there is a table for, ascending.
pub const ALL: [&Layout; 5] =
    [&py310::LAYOUT, &py311::LAYOUT, &py312::LAYOUT, &py313::LAYOUT, &py314::LAYOUT];

/// Offset of the reference count, an 8-byte word (`PyObject.ob_refcnt`, and from 3.14 on also
/// `ob_overflow` and `ob_flags`).
pub const REFERENCE_COUNT: usize = 0;
/// Offset of `PyObject.ob_type`.
pub const TYPE: usize = 8;
/// Bytes of a `PyObject`.
pub const OBJECT: usize = 16;
/// Offset of `PyVarObject.ob_size`.
pub const VAR_SIZE: usize = 16;
/// Bytes of a `PyVarObject`.
pub const VAR_OBJECT: usize = 24;
/// Bytes of the `PyGC_Head` that precedes an object whose type has `Py_TPFLAGS_HAVE_GC`.
pub const GC_HEAD: usize = 16;
/// Offset of `PyBytesObject.ob_shash`.
pub const BYTES_HASH: usize = 24;
/// Offset of `PyBytesObject.ob_sval`; the content is followed by one zero byte.
pub const BYTES_DATA: usize = 32;
/// Offset of an int's digits (`ob_digit`), whatever precedes them.
pub const INT_DIGITS: usize = 24;
/// Bytes of an int's digit; a digit has 30 bits.
pub const INT_DIGIT: usize = 4;
/// Bytes of a `PyFloatObject`; `ob_fval` follows the head.
pub const FLOAT: usize = 24;
/// Bytes of a `PyComplexObject`; `cval` follows the head.
pub const COMPLEX: usize = 32;
/// Offsets of `start`, `stop` and `step` in a `PySliceObject`.
pub const SLICE_FIELDS: [usize; 3] = [16, 24, 32];
/// Bytes of a `PySliceObject`.
pub const SLICE: usize = 40;

/// The layouts of one minor version.
#[derive(Debug)]
pub struct Layout {
    /// The `x` of CPython 3.x.
    pub minor: u8,
    /// What a stored object's reference count is.
    pub reference_count: ReferenceCount,
    /// `PyCodeObject`.
    pub code: CodeLayout,
    /// `PyASCIIObject`, `PyCompactUnicodeObject` and `PyUnicodeObject`.
    pub string: StringLayout,
    /// `PyTupleObject`.
    pub tuple: TupleLayout,
    /// Where an int says how many digits it has.
    pub int: IntSize,
    /// Whether slices can be constants (`marshal` version 5).
    pub slices: bool,
}

/// What keeps a stored object from being freed.
#[derive(Debug, Clone, Copy)]
pub enum ReferenceCount {
    /// A count that no program brings down to zero.
    Huge(u64),
    /// The word that a live, immortal object of the heap has. `forbidden` are bits that it must
    /// not have.
    Immortal {
        /// Bits that would say that the object is something else.
        forbidden: u64,
    },
}

/// `PyCodeObject`.
#[derive(Debug)]
pub struct CodeLayout {
    /// Bytes of the fixed part, which is the type's `tp_basicsize`.
    pub size: usize,
    /// Whether the bytecode follows the fixed part (`co_code_adaptive`) instead of being an object.
    pub bytecode_follows: bool,
    /// All fields after the object's head, in order.
    pub fields: &'static [CodeField],
}

/// A field of `PyCodeObject`.
#[derive(Debug, Clone, Copy)]
pub struct CodeField {
    /// Its name in `Include/cpython/code.h`.
    pub name: &'static str,
    /// Its offset in bytes.
    pub offset: usize,
    /// What it is and what becomes of it.
    pub kind: FieldKind,
}

/// What a field of a code object is and how it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A number of so many bytes, stored as it is.
    Number(usize),
    /// Caches and the like, so many bytes: stored as zero, as in a fresh object.
    Clear(usize),
    /// A pointer to what the interpreter keeps about the code object: stored as null.
    Kept,
    /// 3.10's `co_zombieframe`, a frame of the code object for the next call: stored as null.
    Frame,
    /// A reference to an object.
    Object,
    /// `co_filename`, which the loader supplies.
    FileName,
    /// `co_version`: numbered by the archive.
    Version,
    /// 3.10's `co_cell2arg`: null or an array of one 8-byte number per cell variable.
    CellArguments,
}

impl FieldKind {
    /// Bytes of the field.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Number(size) | Self::Clear(size) => size,
            Self::Object | Self::FileName | Self::CellArguments | Self::Kept | Self::Frame => 8,
            Self::Version => 4,
        }
    }
}

/// The three forms of strings.
#[derive(Debug)]
pub struct StringLayout {
    /// Bytes of a `PyASCIIObject`: where the characters of an ASCII string begin.
    pub ascii: usize,
    /// Bytes of a `PyCompactUnicodeObject`: where the characters of any other string begin.
    pub compact: usize,
    /// Bytes of a `PyUnicodeObject`, the type's `tp_basicsize`.
    pub object: usize,
    /// What bit [`StringLayout::LAST_FLAG`] of the state means.
    pub last_flag: LastFlag,
    /// Offsets of `wstr` (in the ASCII form) and `wstr_length` (in the compact form).
    pub wide: Option<(usize, usize)>,
    /// Offset of `utf8_length`.
    pub utf8_length: usize,
    /// Offset of `utf8`.
    pub utf8: usize,
}

/// The meaning of the last bit of a string's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastFlag {
    /// `ready`: set in every string that `marshal` makes.
    Ready,
    /// `statically_allocated`: part of the interpreter's binary; never set in a stored string.
    StaticallyAllocated,
}

impl StringLayout {
    /// Offset of `length`, in characters.
    pub const LENGTH: usize = 16;
    /// Offset of `hash`, -1 while unknown.
    pub const HASH: usize = 24;
    /// Offset of `state`, a 4-byte word of bit fields.
    pub const STATE: usize = 32;
    /// `state.interned`.
    pub const INTERNED: u32 = 0b11;
    /// `state.kind`: bytes per character.
    pub const KIND: u32 = 0b111 << 2;
    /// `state.compact`.
    pub const COMPACT: u32 = 1 << 5;
    /// `state.ascii`.
    pub const ASCII: u32 = 1 << 6;
    /// `state.ready` or `state.statically_allocated`.
    pub const LAST_FLAG: u32 = 1 << 7;
}

/// `PyTupleObject`.
#[derive(Debug)]
pub struct TupleLayout {
    /// Offset of the cached hash, -1 while unknown.
    pub hash: Option<usize>,
    /// Offset of the items.
    pub items: usize,
}

/// Where an int (`PyLongObject`) says how many digits it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntSize {
    /// `ob_size`, negative for a negative number.
    VarSize,
    /// `long_value.lv_tag`, shifted left by [`IntSize::TAG_SHIFT`].
    Tag,
}

impl IntSize {
    /// `_PyLong_NON_SIZE_BITS`.
    pub const TAG_SHIFT: u32 = 3;
    /// Offset of `ob_size` or `lv_tag`.
    pub const OFFSET: usize = 16;
}

impl Layout {
    /// How the loader marks an interned string of the heap: `SSTATE_INTERNED_IMMORTAL_STATIC`
    /// (3.12 and later, `Include/cpython/unicodeobject.h`), so that 3.14 does not free it at exit.
    #[must_use]
    pub const fn string_mark(&self) -> StringMark {
        if self.minor < 12 {
            return StringMark { offset: 0, bits: 0 };
        }
        StringMark { offset: StringLayout::STATE as u32, bits: StringLayout::INTERNED }
    }

    /// The table for CPython 3.`minor`.
    #[must_use]
    pub fn of(minor: u8) -> Option<&'static Self> {
        ALL.into_iter().find(|l| l.minor == minor)
    }

    /// The field of a code object called `name`.
    #[must_use]
    pub fn code_field(&self, name: &str) -> Option<&'static CodeField> {
        self.code.fields.iter().find(|f| f.name == name)
    }

    /// The table as it can be compared with C: per struct, names of fields and their offsets;
    /// `size` is the struct's `sizeof`. `PyASCIIObject.state` has the masks of its bit fields.
    #[must_use]
    pub fn table(&self) -> Vec<(&'static str, Vec<(&'static str, usize)>)> {
        let mut code: Vec<_> = self.code.fields.iter().map(|f| (f.name, f.offset)).collect();
        let end = if self.code.bytecode_follows { "co_code_adaptive" } else { "size" };
        code.push((end, self.code.size));

        let string = &self.string;
        let mut ascii = vec![
            ("size", string.ascii),
            ("length", StringLayout::LENGTH),
            ("hash", StringLayout::HASH),
            ("state", StringLayout::STATE),
        ];
        let mut compact =
            vec![("size", string.compact), ("utf8_length", string.utf8_length), ("utf8", string.utf8)];
        if let Some((wstr, wstr_length)) = string.wide {
            ascii.push(("wstr", wstr));
            compact.push(("wstr_length", wstr_length));
        }
        let last_flag = match string.last_flag {
            LastFlag::Ready => "ready",
            LastFlag::StaticallyAllocated => "statically_allocated",
        };
        let state = [
            ("interned", StringLayout::INTERNED),
            ("kind", StringLayout::KIND),
            ("compact", StringLayout::COMPACT),
            ("ascii", StringLayout::ASCII),
            (last_flag, StringLayout::LAST_FLAG),
        ];
        let mut tuple = vec![("ob_item", self.tuple.items)];
        tuple.extend(self.tuple.hash.map(|offset| ("ob_hash", offset)));
        let int = match self.int {
            IntSize::VarSize => vec![("ob_base.ob_size", IntSize::OFFSET), ("ob_digit", INT_DIGITS)],
            IntSize::Tag => {
                vec![("long_value.lv_tag", IntSize::OFFSET), ("long_value.ob_digit", INT_DIGITS)]
            }
        };
        vec![
            ("PyObject", vec![("size", OBJECT), ("ob_refcnt", REFERENCE_COUNT), ("ob_type", TYPE)]),
            ("PyVarObject", vec![("size", VAR_OBJECT), ("ob_size", VAR_SIZE)]),
            ("PyGC_Head", vec![("size", GC_HEAD)]),
            ("PyCodeObject", code),
            ("PyASCIIObject", ascii),
            ("PyASCIIObject.state", state.map(|(name, mask)| (name, mask as usize)).to_vec()),
            ("PyCompactUnicodeObject", compact),
            ("PyUnicodeObject", vec![("size", string.object)]),
            ("PyBytesObject", vec![("ob_shash", BYTES_HASH), ("ob_sval", BYTES_DATA)]),
            ("PyTupleObject", tuple),
            ("PyLongObject", int),
            ("PyFloatObject", vec![("size", FLOAT), ("ob_fval", OBJECT)]),
            ("PyComplexObject", vec![("size", COMPLEX), ("cval", OBJECT)]),
            (
                "PySliceObject",
                vec![
                    ("size", SLICE),
                    ("start", SLICE_FIELDS[0]),
                    ("stop", SLICE_FIELDS[1]),
                    ("step", SLICE_FIELDS[2]),
                ],
            ),
        ]
    }

    /// Whether the code object's fields follow each other as a C compiler places them, from the
    /// end of the head to the end of the fixed part: that none was left out.
    const fn code_is_gapless(&self) -> bool {
        let mut end = if self.code.bytecode_follows { VAR_OBJECT } else { OBJECT };
        let mut n = 0;
        while n < self.code.fields.len() {
            let field = self.code.fields[n];
            if field.offset != end.next_multiple_of(field.kind.size()) {
                return false;
            }
            end = field.offset + field.kind.size();
            n += 1;
        }
        end.next_multiple_of(8) == self.code.size
    }
}

const _: () = {
    let mut n = 0;
    while n < ALL.len() {
        assert!(ALL[n].code_is_gapless());
        n += 1;
    }
};

/// A field for the tables.
const fn field(name: &'static str, offset: usize, kind: FieldKind) -> CodeField {
    CodeField { name, offset, kind }
}

/// Strings up to 3.11, with the `wchar_t` form that PEP 623 removed.
const STRINGS_WITH_WSTR: StringLayout = StringLayout {
    ascii: 48,
    compact: 72,
    object: 80,
    last_flag: LastFlag::Ready,
    wide: Some((40, 64)),
    utf8_length: 48,
    utf8: 56,
};

/// Strings from 3.12 on.
const STRINGS: StringLayout = StringLayout {
    ascii: 40,
    compact: 56,
    object: 64,
    last_flag: LastFlag::StaticallyAllocated,
    wide: None,
    utf8_length: 40,
    utf8: 48,
};

/// A count that stays far from zero: the greatest difference that a process can make is the number
/// of pointers in its memory, below 2^44.
const HUGE: ReferenceCount = ReferenceCount::Huge(1 << 48);
