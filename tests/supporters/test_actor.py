import pytest

from supporters.actor import Actor
from supporters.errors import NotAllowed


def test_a_person_is_one_however_the_address_is_typed() -> None:
    assert Actor.person(" Anna@Example.org ").key == Actor.person("anna@example.org").key == "person:anna@example.org"


def test_only_a_person_who_proved_it_is_signed_in() -> None:
    Actor.person("anna@example.org", authenticated=True).must_be_signed_in()
    for other in (Actor.person("anna@example.org"), Actor.job("collect"), Actor("import", "x", authenticated=True)):
        with pytest.raises(NotAllowed, match="Only a signed-in person") as caught:
            other.must_be_signed_in()
        assert caught.value.field == "actor"
