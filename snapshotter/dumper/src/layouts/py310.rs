//! CPython 3.10: `Include/cpython/code.h`, `unicodeobject.h`, `Include/longintrepr.h`. Code objects
//! keep their bytecode in an object of its own; caches (`co_opcache`) come after 1024 calls.

use super::FieldKind::{CellArguments, Clear, FileName, Frame, Kept, Number, Object};
use super::{CodeLayout, HUGE, IntSize, Layout, STRINGS_WITH_WSTR, TupleLayout, field};

/// The table.
pub const LAYOUT: Layout = Layout {
    minor: 10,
    reference_count: HUGE,
    code: CodeLayout {
        size: 176,
        bytecode_follows: false,
        fields: &[
            field("co_argcount", 16, Number(4)),
            field("co_posonlyargcount", 20, Number(4)),
            field("co_kwonlyargcount", 24, Number(4)),
            field("co_nlocals", 28, Number(4)),
            field("co_stacksize", 32, Number(4)),
            field("co_flags", 36, Number(4)),
            field("co_firstlineno", 40, Number(4)),
            field("co_code", 48, Object),
            field("co_consts", 56, Object),
            field("co_names", 64, Object),
            field("co_varnames", 72, Object),
            field("co_freevars", 80, Object),
            field("co_cellvars", 88, Object),
            field("co_cell2arg", 96, CellArguments),
            field("co_filename", 104, FileName),
            field("co_name", 112, Object),
            field("co_linetable", 120, Object),
            field("co_zombieframe", 128, Frame),
            field("co_weakreflist", 136, Kept),
            field("co_extra", 144, Kept),
            field("co_opcache_map", 152, Kept),
            field("co_opcache", 160, Kept),
            field("co_opcache_flag", 168, Clear(4)),
            field("co_opcache_size", 172, Clear(1)),
        ],
    },
    string: STRINGS_WITH_WSTR,
    tuple: TupleLayout { hash: None, items: 24 },
    int: IntSize::VarSize,
    slices: false,
};
