"""botocore: credentials that came from the environment are looked up again, by the first request after a restore.

Every credentials object stays the object it was, whoever holds it, but of another class: it has no keys of its own and
asks the provider chain of its session when it is first used. Clients that were made without any credentials get such
an object. Keys that the program passed itself are its own, unless they are those of the environment; roles that were
assumed are assumed again. Regions cannot be changed in clients: a restore in another region is refused.
"""

import os
import sys

from .found import instances
from .refusals import RestoreRefused

ENTROPY = 0

# Where the default chain finds credentials without asking a service for them, or the machine itself.
SURROUNDINGS = ("env", "container-role", "iam-role", "shared-credentials-file", "config-file", "boto-config")
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


class FromProviders:
    """Credentials that the session's provider chain finds at their first use; they go on by what it found."""

    def _current(self):
        state = self.__dict__
        if "_found" not in state:
            state["_found"] = state["_session"].get_component("credential_provider").load_credentials()
        return state["_found"]

    @property
    def access_key(self):
        return getattr(self._current(), "access_key", None)

    @property
    def secret_key(self):
        return getattr(self._current(), "secret_key", None)

    @property
    def token(self):
        return getattr(self._current(), "token", None)

    @property
    def account_id(self):
        return getattr(self._current(), "account_id", None)

    @property
    def method(self):
        return getattr(self._current(), "method", None)

    def get_frozen_credentials(self):
        # None is what an unsigned or refused request is made of, as with a client without credentials.
        found = self._current()
        return found and found.get_frozen_credentials()


def prepare():
    module, signers = sys.modules.get("botocore.credentials"), sys.modules.get("botocore.signers")
    session_module, client_module = sys.modules.get("botocore.session"), sys.modules.get("botocore.client")
    if module is None or session_module is None:
        return None
    sessions = instances(session_module.Session)
    eager = []
    for held in instances(module.Credentials):
        if isinstance(held, FromProviders):
            held.__dict__.pop("_found", None)
        elif held.__dict__.get("method") in SURROUNDINGS or _is_environments(held):
            if type(held) in (module.Credentials, module.RefreshableCredentials):
                _look_up_again(held, _session_of(held, sessions, session_module))
            elif held.__dict__.get("method") == "env":
                eager.append(held)
        elif held.__dict__.get("_expiry_time") is not None:
            # A role: expired, so that it is assumed anew.
            held._expiry_time = module.datetime.datetime.fromtimestamp(0, held._expiry_time.tzinfo)
    clients = instances(client_module.BaseClient) if client_module is not None and signers is not None else []
    for client in clients:
        signer = client._request_signer
        if type(signer) is signers.RequestSigner and signer._credentials is None:
            signer._credentials = _without_keys(module, _maker_of(client, sessions, session_module))
    regions = _regions_of(clients)
    if not regions and not eager:
        return None

    def renew(environment, _):
        for name, region in regions:
            now = environment.get(name)
            if now is not None and now != region:
                raise RestoreRefused(
                    f"a boto3 client was made for {name.decode()}={region.decode()}, which is now {now.decode()}"
                )
        for held in eager:
            held.access_key = _text(environment, b"AWS_ACCESS_KEY_ID")
            held.secret_key = _text(environment, b"AWS_SECRET_ACCESS_KEY")
            held.token = _text(environment, b"AWS_SESSION_TOKEN")

    return renew


def _text(environment, name):
    value = environment.get(name)
    return value and value.decode()


def _is_environments(held):
    """Whether a program passed on the keys that it read from the environment."""
    key = held.__dict__.get("access_key")
    return key is not None and key == os.environ.get("AWS_ACCESS_KEY_ID")


def _look_up_again(held, session):
    """Makes credentials ones that are looked up at their first use, and forgets the keys they had."""
    held.__dict__.clear()
    held.__class__ = type("RestoredCredentials", (FromProviders, type(held)), {"__module__": __name__})
    held.__dict__["_session"] = session


def _without_keys(module, session):
    """New credentials, not looked up yet."""
    credentials = module.Credentials.__new__(module.Credentials)
    _look_up_again(credentials, session)
    return credentials


def _session_of(held, sessions, session_module):
    """The session that found some credentials; for those of a session that is gone, another."""
    for session in sessions:
        if session._credentials is held:
            return session
    return _any(sessions, session_module)


def _maker_of(client, sessions, session_module):
    """The session that made a client: they share the loader of service descriptions."""
    for session in sessions:
        if session.get_component("data_loader") is client._loader:
            return session
    return _any(sessions, session_module)


def _any(sessions, session_module):
    if not sessions:
        sessions.append(session_module.Session())
    return sessions[0]


def _regions_of(clients):
    """The region variables, with their values, that decided where a client's requests go."""
    used = {client.meta.region_name for client in clients}
    return [(os.fsencode(name), os.fsencode(os.environ[name])) for name in REGIONS if os.environ.get(name) in used]
