"""The project that an audit makes around a data set."""

from foundation.settings.variables import read_variables
from isitcake.auditing.library import KEPT_VARIABLES


def test_the_variables_that_are_kept_exist() -> None:
    """They name the network and the folder of its weights."""
    known = read_variables(dict.fromkeys(KEPT_VARIABLES, "x")).names
    assert known == {("models", "network"): "ISITCAKE_MODELS_NETWORK", ("models", "folder"): "ISITCAKE_MODELS"}
