//! CPython 3.11: code objects with inline bytecode (`_PyCode_DEF` in `Include/cpython/code.h`).
//! `co_warmup` counts up from a negative number until the code is quickened.

use super::FieldKind::{Clear, FileName, Kept, Number, Object};
use super::{CodeLayout, HUGE, IntSize, Layout, STRINGS_WITH_WSTR, TupleLayout, field};

/// The table.
pub const LAYOUT: Layout = Layout {
    minor: 11,
    reference_count: HUGE,
    code: CodeLayout {
        size: 184,
        bytecode_follows: true,
        fields: &[
            field("co_consts", 24, Object),
            field("co_names", 32, Object),
            field("co_exceptiontable", 40, Object),
            field("co_flags", 48, Number(4)),
            field("co_warmup", 52, Number(2)),
            field("_co_linearray_entry_size", 54, Clear(2)),
            field("co_argcount", 56, Number(4)),
            field("co_posonlyargcount", 60, Number(4)),
            field("co_kwonlyargcount", 64, Number(4)),
            field("co_stacksize", 68, Number(4)),
            field("co_firstlineno", 72, Number(4)),
            field("co_nlocalsplus", 76, Number(4)),
            field("co_nlocals", 80, Number(4)),
            field("co_nplaincellvars", 84, Number(4)),
            field("co_ncellvars", 88, Number(4)),
            field("co_nfreevars", 92, Number(4)),
            field("co_localsplusnames", 96, Object),
            field("co_localspluskinds", 104, Object),
            field("co_filename", 112, FileName),
            field("co_name", 120, Object),
            field("co_qualname", 128, Object),
            field("co_linetable", 136, Object),
            field("co_weakreflist", 144, Kept),
            field("_co_code", 152, Kept),
            field("_co_linearray", 160, Kept),
            field("_co_firsttraceable", 168, Number(4)),
            field("co_extra", 176, Kept),
        ],
    },
    string: STRINGS_WITH_WSTR,
    tuple: TupleLayout { hash: None, items: 24 },
    int: IntSize::VarSize,
    slices: false,
};
