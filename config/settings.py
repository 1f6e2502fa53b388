"""Django's settings. Values come from the environment through `config.env`."""

from urllib.parse import quote

import certifi
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from config import env, seats
from config.keeping import *  # noqa: F403 - settings
from config.log_lines import LOGGING, PROCESS_NAME, SLOW_REQUEST_SECONDS  # noqa: F401 - settings
from config.theme import UNFOLD  # noqa: F401 - a setting
from config.watching import *  # noqa: F403 - settings

BASE_DIR = env.BASE_DIR
HONGYAN_HOME = env.home()
_HOME_IN_URLS = quote(str(HONGYAN_HOME))
HONGYAN_DEMO = env.flag("HONGYAN_DEMO")
_DEMO_KEYS = HONGYAN_HOME / "keys.json" if HONGYAN_DEMO else None

# All processes count into one folder; said before anybody makes a metric.
seats.take_one()

PORT = env.integer("PORT", 8000, minimum=1, maximum=65535)
SIMULATOR_PORT = env.integer("SIMULATOR_PORT", 8700, minimum=1, maximum=65535)

DEBUG = env.flag("DEBUG")
SECRET_KEY = env.required(
    "SECRET_KEY",
    "Set a random text of at least 50 characters.",
    _DEMO_KEYS,
    env.new_secret_key,
)
FIELD_ENCRYPTION_KEYS = env.required(
    "FIELD_ENCRYPTION_KEYS",
    "Set one or more Fernet keys, comma-separated, the newest first. Make one with: python -c "
    "'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'",
    _DEMO_KEYS,
    env.new_encryption_key,
).split(",")
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", ("127.0.0.1", "localhost") if HONGYAN_DEMO else ())
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS")
BEHIND_PROXY = env.flag("BEHIND_PROXY")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
# Each proxy appends whom it was called by to X-Forwarded-For: only so many are believed.
PROXY_COUNT = env.integer("PROXY_COUNT", 1, minimum=1) if BEHIND_PROXY else 0

# HTTPS, cookies, sessions. Programs' paths (/api/, /wechat/, /gateway/) are not redirected: a key
# that was sent in the clear is lost already, and must fail where it can be seen.
HTTPS_ONLY = env.flag("HTTPS_ONLY")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS_ONLY
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.flag("HSTS_SUBDOMAINS")
# The other hosts of the domain are not ours to decide about: HSTS_SUBDOMAINS, if they are.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_AGE = env.integer("SESSION_IDLE_SECONDS", 2 * 3600, minimum=60)
SESSION_LIFETIME_SECONDS = env.integer("SESSION_LIFETIME_SECONDS", 12 * 3600, minimum=60)

# Logins
AUTHENTICATION_BACKENDS = ["notifier.access.accounts.LimitedBackend"]
LOGIN_FAILURES = env.integer("LOGIN_FAILURES", 5, minimum=1)
LOGIN_LOCK_SECONDS = env.integer("LOGIN_LOCK_SECONDS", 15 * 60, minimum=1)
SECOND_FACTOR_ROLES = env.names("SECOND_FACTOR_ROLES")
# Wrong codes are counted with the failed logins (notifier/access/throttle.py), for all devices.
OTP_STATIC_THROTTLE_FACTOR = 0

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_rq",
    "django_prometheus",
    "django_otp",
    "django_otp.plugins.otp_static",
    "templates_app",
    "notifier",
]

MIDDLEWARE = [
    "notifier.observability.requests.request_id",
    "notifier.observability.timing.request_time",
    "notifier.api.straight.straight_to_views",
    "notifier.access.headers.headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "notifier.audit.requests.by_user",
    "django.contrib.messages.middleware.MessageMiddleware",
    "notifier.access.door.door",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "notifier" / "theme"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Database: SQLite by default. WAL lets readers go on while one writes; immediate transactions
# take the write lock at BEGIN, so that two writers wait for each other instead of failing.
DATABASE_IS_GIVEN = bool(env.text("DATABASE_URL"))
HONGYAN_DEMO_DATABASE = env.flag("HONGYAN_DEMO_DATABASE")
DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{_HOME_IN_URLS}/hongyan.sqlite3")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = env.integer("DATABASE_CONN_MAX_AGE", 600)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    _options = DATABASES["default"].setdefault("OPTIONS", {})
    # psycopg's other way writes all values into the statement, in Python.
    _options["server_side_binding"] = True
    # A host that gives no answer, in place of a refusal: seconds, not minutes.
    _options.setdefault("connect_timeout", 3)
    _options.setdefault("tcp_user_timeout", 10_000)
DATABASE_PREPARED_STATEMENTS = env.flag("DATABASE_PREPARED_STATEMENTS", True)

# Redis: queues, tokens, locks. All of it can be lost without losing a message.
REDIS_IS_EMBEDDED = HONGYAN_DEMO and not env.text("REDIS_URL")
REDIS_URL = env.text(
    "REDIS_URL",
    f"unix://{_HOME_IN_URLS}/redis.sock?db=0" if HONGYAN_DEMO else "redis://127.0.0.1:6379/0",
)
# redis-py's own patience is 5 seconds, eleven times. Nothing here is worth that wait: what Redis
# does not answer, the database does. One repetition, for connections that a restart cut.
REDIS_PATIENCE = {
    "socket_connect_timeout": 1,
    "socket_timeout": 1,
    "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
}
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "hongyan",
        "OPTIONS": {
            # JSON, never pickle: who can write to Redis must not be able to run code here.
            "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
            "CONNECTION_POOL_KWARGS": REDIS_PATIENCE,
        },
    }
}

# A worker listens to the queues in this order. What takes minutes has a worker of its own: it
# would hold up urgent messages.
RQ_QUEUE_NAMES = ("urgent", "receipts", "normal", "bulk")
BACKGROUND_QUEUE = "background"
BACKGROUND_JOB_SECONDS = 4 * 3600
RQ_QUEUES = {
    name: {
        "URL": REDIS_URL,
        "SERIALIZER": "rq.serializers.JSONSerializer",
        "DEFAULT_TIMEOUT": BACKGROUND_JOB_SECONDS if name == BACKGROUND_QUEUE else 120,
        "DEFAULT_RESULT_TTL": 0,
    }
    for name in (*RQ_QUEUE_NAMES, BACKGROUND_QUEUE)
}
RQ = {"COMMIT_MODE": "auto"}  # dispatch itself waits for the commit before it wakes a queue

# WeChat
WECHAT_API_BASE_URL = env.text(
    "WECHAT_API_BASE_URL",
    f"http://127.0.0.1:{SIMULATOR_PORT}" if HONGYAN_DEMO else "https://api.weixin.qq.com",
)
WECHAT_CONNECT_TIMEOUT = env.seconds("WECHAT_CONNECT_TIMEOUT", 3)
WECHAT_READ_TIMEOUT = env.seconds("WECHAT_READ_TIMEOUT", 10)
WECHAT_CA_FILE = env.text("WECHAT_CA_FILE", certifi.where())

# Dispatch
DISPATCH_CONNECTIONS = env.integer("DISPATCH_CONNECTIONS", 800, minimum=1)
DISPATCH_CLAIM_SIZE = env.integer("DISPATCH_CLAIM_SIZE", 200, minimum=1, maximum=1000)
DISPATCH_LEASE_SECONDS = env.seconds("DISPATCH_LEASE_SECONDS", 60)
DISPATCH_SLICE_SECONDS = env.seconds("DISPATCH_SLICE_SECONDS", 0.5)
MESSAGE_LIFETIME_SECONDS = env.seconds("MESSAGE_LIFETIME_SECONDS", 24 * 3600)

# A campaign's messages that wait at any time: made ahead, and to be stopped when it is paused.
CAMPAIGN_BUFFER = env.integer("CAMPAIGN_BUFFER", 5_000, minimum=100, maximum=50_000)

# Fallbacks: EMAIL_URL such as smtp+tls://user:password@host:587
vars().update(env.email("EMAIL_URL", "consolemail://"))
HAS_MAIL_SERVER = HONGYAN_DEMO or bool(env.text("EMAIL_URL"))
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "hongyan@localhost")
EMAIL_TIMEOUT = 10

# Webhooks, and the events that they tell of. Posted to no private address but those named.
WEBHOOK_TIMEOUT = env.seconds("WEBHOOK_TIMEOUT", 10)
WEBHOOK_CA_FILE = env.text("WEBHOOK_CA_FILE", certifi.where())
WEBHOOK_ALLOWED_NETWORKS = env.networks(
    "WEBHOOK_ALLOWED_NETWORKS", ("127.0.0.0/8", "::1/128") if HONGYAN_DEMO else ()
)

# A version is published by somebody who did not write it; in the demo there is one person.
TEMPLATE_REVIEW = env.flag("TEMPLATE_REVIEW", default=not HONGYAN_DEMO)

# Imports of recipients: the files lie in HONGYAN_HOME/imports
IMPORT_MAX_BYTES = env.integer("IMPORT_MAX_BYTES", 256 * 1024 * 1024, minimum=1024)

FOLLOWER_SYNC_HOUR = env.integer("FOLLOWER_SYNC_HOUR", 3, maximum=24)  # 24: never

# API
API_MAX_BODY_BYTES = env.integer("API_MAX_BODY_BYTES", 65_536, minimum=1024)
API_MAX_METADATA_BYTES = 4096
API_MAX_BATCH_BYTES = env.integer("API_MAX_BATCH_BYTES", 8 * 1024 * 1024, minimum=65_536)
API_MAX_STREAM_BYTES = env.integer("API_MAX_STREAM_BYTES", 4 * 1024**3, minimum=65_536)
DATA_UPLOAD_MAX_MEMORY_SIZE = API_MAX_BATCH_BYTES  # of what is read into memory at once
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["notifier.api.authentication.BearerKey"],
    "DEFAULT_PERMISSION_CLASSES": ["notifier.api.authentication.MayCall"],
    "DEFAULT_RENDERER_CLASSES": ["notifier.api.json.JSONRenderer"],
    "EXCEPTION_HANDLER": "notifier.api.errors.problem_response",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "notifier.api.json.AlwaysJSON",
    "DEFAULT_SCHEMA_CLASS": "notifier.api.contract.schema.Documented",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Hongyan",
    "DESCRIPTION": "Sends WeChat Official Account template messages. The [guide](/api/guide/) "
    "has a page for each task, with examples in curl and Python.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "APPEND_COMPONENTS": {
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "hy_…"}}
    },
    "POSTPROCESSING_HOOKS": ["notifier.api.contract.schema.add_components"],
}

# Language and time
LANGUAGE_CODE = env.text("LANGUAGE_CODE", "zh-hans")
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
TIME_ZONE = env.text("TIME_ZONE", "Asia/Shanghai")
USE_I18N = True
FORMAT_MODULE_PATH = "config.formats"
USE_TZ = True

# Static files: the demo serves them from where they lie, production from `collectstatic`.
STATIC_URL = "/static/"
STATIC_ROOT = None if HONGYAN_DEMO else env.directory("STATIC_ROOT", BASE_DIR / "staticfiles")
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = HONGYAN_DEMO
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if HONGYAN_DEMO
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
