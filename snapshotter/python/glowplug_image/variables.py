"""Environment variables by what they mean for a process image.

Sources: AWS Lambda's Developer Guide, "Defined runtime environment variables" (reserved and unreserved ones);
CPython's "Environment variables" of its command line page; the manuals of glibc, OpenSSL, OpenBLAS, MKL and OpenMP.
"""

# Credentials: they change, and are taken from the new process.
CREDENTIALS = frozenset(
    ("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
     "AWS_CREDENTIAL_EXPIRATION", "AWS_ACCOUNT_ID")
)  # fmt: skip
# Request-scoped and sandbox-scoped: set by Lambda, other in each sandbox or known only there.
SANDBOX = frozenset(("_HANDLER", "_X_AMZN_TRACE_ID", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_EXECUTION_ENV"))
CREDENTIALS_PREFIXES = ("AWS_CONTAINER_",)
SANDBOX_PREFIXES = ("AWS_LAMBDA_", "AWS_XRAY_", "_LAMBDA_", "GLOWPLUG_")

# Read by C code, which cannot be seen from Python; their values always count as read.
READ_BY_C = (
    # glibc: locale, time zone, name resolution, memory allocator.
    "LANG", "LANGUAGE", "LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME",
    "LOCPATH", "TZ", "TZDIR", "LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES", "GLIBC_TUNABLES",
    "MALLOC_ARENA_MAX", "MALLOC_ARENA_TEST", "MALLOC_CHECK_", "MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_PERTURB_", "MALLOC_TOP_PAD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_CONF",
    # OpenSSL.
    "SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF", "OPENSSL_CONF_INCLUDE", "OPENSSL_ENGINES", "OPENSSL_MODULES",
    "OPENSSL_ia32cap", "OPENSSL_armcap",
    # Linear algebra and OpenMP.
    "OPENBLAS_CORETYPE", "OPENBLAS_MAIN_FREE", "OPENBLAS_NUM_THREADS", "OPENBLAS_VERBOSE", "GOTO_NUM_THREADS",
    "OMP_DYNAMIC", "OMP_NUM_THREADS", "OMP_PROC_BIND", "OMP_SCHEDULE", "OMP_STACKSIZE", "OMP_THREAD_LIMIT",
    "OMP_WAIT_POLICY", "KMP_AFFINITY", "KMP_BLOCKTIME", "MKL_DYNAMIC", "MKL_NUM_THREADS", "MKL_THREADING_LAYER",
    "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NPY_DISABLE_CPU_FEATURES",
    # Rust's thread pools.
    "RAYON_NUM_THREADS", "TOKIO_WORKER_THREADS", "POLARS_MAX_THREADS",
    # CPython itself. PYTHONPATH is not here: what it names is in sys.path, and Lambda sets its own; nor is
    # PYTHONDONTWRITEBYTECODE, which is looked at again after a restore.
    "PYTHONASYNCIODEBUG", "PYTHONBREAKPOINT", "PYTHONCOERCECLOCALE", "PYTHONDEBUG", "PYTHONDEVMODE",
    "PYTHONFAULTHANDLER", "PYTHONHASHSEED", "PYTHONHOME", "PYTHONINTMAXSTRDIGITS",
    "PYTHONIOENCODING", "PYTHONMALLOC", "PYTHONMALLOCSTATS", "PYTHONNODEBUGRANGES", "PYTHONNOUSERSITE",
    "PYTHONOPTIMIZE", "PYTHONPERFSUPPORT", "PYTHONPLATLIBDIR", "PYTHONPROFILEIMPORTTIME", "PYTHONPYCACHEPREFIX",
    "PYTHONSAFEPATH", "PYTHONTRACEMALLOC", "PYTHONUNBUFFERED", "PYTHONUTF8", "PYTHONVERBOSE", "PYTHONWARNINGS",
)  # fmt: skip

# Words of names whose values are likely secret. PWD is the working directory.
SECRET_WORDS = frozenset(
    ("PASSWORD", "PASSWD", "PASSPHRASE", "PASS", "PWD", "SECRET", "SECRETS", "TOKEN", "KEY", "APIKEY", "CREDENTIAL",
     "CREDENTIALS", "AUTH", "AUTHORIZATION", "PRIVATE", "COOKIE", "DSN")
)  # fmt: skip
NOT_SECRET = frozenset(("PWD", "OLDPWD"))


def is_credential(name):
    return name in CREDENTIALS or name.startswith(CREDENTIALS_PREFIXES)


def is_exempt(name):
    """Whether a value may be another one after a restore: it must not be captured."""
    return is_credential(name) or name in SANDBOX or name.startswith(SANDBOX_PREFIXES)


def looks_secret(name, value=""):
    """Whether a variable is likely a secret, by the words of its name or a password in a URL."""
    if name in NOT_SECRET:
        return False
    words = name.upper().replace("-", "_").split("_")
    if not SECRET_WORDS.isdisjoint(words):
        return True
    address = (value or "").partition("://")[2].partition("/")[0]
    return ":" in address.rpartition("@")[0]
