//! CPython 3.13: as 3.12, with `co_executors`.

use super::FieldKind::{Clear, FileName, Kept, Number, Object, Version};
use super::{CodeLayout, IntSize, Layout, ReferenceCount, STRINGS, TupleLayout, field};

/// The table.
pub const LAYOUT: Layout = Layout {
    minor: 13,
    reference_count: ReferenceCount::Immortal { forbidden: 0 },
    code: CodeLayout {
        size: 200,
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
            field("_co_firsttraceable", 184, Number(4)),
            field("co_extra", 192, Kept),
        ],
    },
    string: STRINGS,
    tuple: TupleLayout { hash: None, items: 24 },
    int: IntSize::Tag,
    slices: false,
};
