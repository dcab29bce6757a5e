//! CPython 3.14: as 3.13, with `_co_unique_id` (used by free-threaded builds only, never set in
//! others), a hash in tuples, slices as constants.
//!
//! The reference count's word is `ob_refcnt` (4 bytes), `ob_overflow` (2) and `ob_flags` (2).
//! `_Py_SetImmortalUntracked` (`Objects/object.c`) gives a heap object the count
//! `_Py_IMMORTAL_INITIAL_REFCNT` and the flag `_Py_IMMORTAL_FLAGS` (1), static ones have
//! `_Py_STATICALLY_ALLOCATED_FLAG` (4) besides (`Include/refcount.h`).

use super::FieldKind::{Clear, FileName, Kept, Number, Object, Version};
use super::{CodeLayout, IntSize, Layout, ReferenceCount, STRINGS, TupleLayout, field};

/// `_Py_STATICALLY_ALLOCATED_FLAG` in `ob_flags`, as a bit of the whole word.
const STATICALLY_ALLOCATED: u64 = 4 << 48;

/// The table.
pub const LAYOUT: Layout = Layout {
    minor: 14,
    reference_count: ReferenceCount::Immortal { forbidden: STATICALLY_ALLOCATED },
    code: CodeLayout {
        size: 208,
        bytecode_follows: true,
        fields: &[
            field("co_consts", 24, Object),
            field("co_names", 32, Object),
            field("co_exceptiontable", 40, Object),
            field("co_flags", 48, Number(4)),
            field("co_argcount", 52, Number(4)),
            field("co_posonlyargcount", 56, Number(4)),
            field("co_kwonlyargcount", 60, Number(4)),
            field("co_stacksize", 64, Number(4)),
            field("co_firstlineno", 68, Number(4)),
            field("co_nlocalsplus", 72, Number(4)),
            field("co_framesize", 76, Number(4)),
            field("co_nlocals", 80, Number(4)),
            field("co_ncellvars", 84, Number(4)),
            field("co_nfreevars", 88, Number(4)),
            field("co_version", 92, Version),
            field("co_localsplusnames", 96, Object),
            field("co_localspluskinds", 104, Object),
            field("co_filename", 112, FileName),
            field("co_name", 120, Object),
            field("co_qualname", 128, Object),
            field("co_linetable", 136, Object),
            field("co_weakreflist", 144, Kept),
            field("co_executors", 152, Kept),
            field("_co_cached", 160, Kept),
            field("_co_instrumentation_version", 168, Clear(8)),
            field("_co_monitoring", 176, Kept),
            field("_co_unique_id", 184, Clear(8)),
            field("_co_firsttraceable", 192, Number(4)),
            field("co_extra", 200, Kept),
        ],
    },
    string: STRINGS,
    tuple: TupleLayout { hash: Some(24), items: 32 },
    int: IntSize::Tag,
    slices: true,
};
