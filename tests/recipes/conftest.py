"""Fixtures of the recipes' checks. `make recipes-check` runs them, once, in an environment of their own."""

import moto_server
import pytest
import workshop as workshop_


def pytest_itemcollected(item):
    item.add_marker("no_wheel")


@pytest.fixture(scope="session")
def workshop(tmp_path_factory):
    """The recipes, ready to be followed. No two tools write into the same folder of it."""
    return workshop_.set_up(tmp_path_factory.mktemp("workshop"))


@pytest.fixture(scope="session")
def package(workshop):
    """The folder in which `make package` left its zip files."""
    workshop.run(*workshop_.PACKAGE, cwd=".").succeeded()
    return workshop.recipes / "out"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """moto's server in a process of its own."""
    with moto_server.running(tmp_path_factory.mktemp("moto") / "log") as address:
        yield address


@pytest.fixture(scope="module")
def aws(server):
    """A stand-in for AWS with nothing in it."""
    account = moto_server.Account(server)
    account.forget()
    return account
