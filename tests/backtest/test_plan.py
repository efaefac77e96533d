"""Plans: the same thing as their YAML, refused where they cannot be."""

import re
from datetime import time

import pytest

from kit.backtest import Plan
from kit.errors import SettingsError

TEXT = """
name: short straddle 0920
underlying: BANKNIFTY
days: {weekdays: [Mon, Tue, Wed, Thu, Fri], days_to_expiry: {at_most: 40}}
entry: {at: "09:20"}
exit: {at: "15:15"}
square_off: partial
legs:
  - side: sell
    right: CE
    lots: 1
    expiry: nearest
    strike: {steps: 0}
    stop: {percent: 25}
    target: {percent: 50}
    trail: {kind: stepped, every: {points: 20}, move: {points: 10}}
    reentry: {after: stop, kind: asap, times: 1}
  - {side: sell, right: PE, lots: 1, expiry: nearest, strike: {steps: 0}, stop: {percent: 25}}
break_even: all
overall: {stop_inr: 6000, target_inr: 9000, lock: {at_inr: 4000, keep_inr: 2000, every_inr: 1000, move_inr: 500}}
fills: {entry: bar_close, exit: bar_close, stop: level, target: level, same_bar: nearer_first, slippage: {ticks: 1}}
money: spot
charges: true
"""  # noqa: E501 - as it is published


def test_a_plan_and_its_yaml_are_the_same_thing():
    """Writing a plan and reading it again gives the plan."""
    plan = Plan.from_yaml(TEXT)
    assert Plan.from_yaml(plan.to_yaml()) == plan
    assert plan.entry.at == time(9, 20)


def test_a_plan_cannot_be_changed():
    """A plan is frozen; `but` gives a changed copy that was checked again."""
    plan = Plan.from_yaml(TEXT)
    with pytest.raises(ValueError, match="frozen"):
        plan.name = "other"
    assert plan.but(name="other").legs == plan.legs
    with pytest.raises(SettingsError):
        plan.but(exit={"at": "09:00"})


def test_an_unquoted_moment_is_a_moment():
    """YAML reads 15:15 without quotes as a number, which is the same moment."""
    assert Plan.from_yaml(TEXT.replace('"15:15"', "15:15")).exit.at == time(15, 15)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("square_off", "squareoff", "Did you mean 'square_off'"),
        ("side: sell\n", "sied: sell\n", "Did you mean 'side'"),
        ("{percent: 50}", "{percnt: 50}", "Did you mean 'percent'"),
        ("stop_inr: 6000", "stop_rs: 6000", "Did you mean 'stop_inr'"),
        ("stop: {percent: 25}", "stop: {percent: 0}", "greater than 0"),
        ("stop: {percent: 25}", "stop: {percent: 25, points: 3}", "exactly one"),
        ("target: {percent: 50}", "target: {percent: 100}", "cannot fall"),
        ('at: "09:20"', 'at: "15:20"', "before the entry"),
        ('at: "15:15"', 'at: "25:15"', "hour must be"),
        ("    strike: {steps: 0}\n", "", "Plan.legs.0.strike is missing"),
        ("{steps: 0}", "{}", "exactly one"),
        ("expiry: nearest", "expiry: tomorrow", "nearest"),
        ("times: 1", "times: 21", "less than or equal to 20"),
        ("kind: asap", "kind: momentum", "needs a move"),
        ("keep_inr: 2000", "keep_inr: 4000", "less than what locks"),
        ("    stop: {percent: 25}\n", "", "stepped trail moves a stop"),
        ("at_most: 40", "at_most: 40, at_least: 50", "No number lies between"),
    ],
)
def test_a_plan_that_cannot_be_says_why(old, new, said):
    """A wrong key gets the nearest name, a wrong value its remedy; both as the kit's own error."""
    with pytest.raises(SettingsError, match=re.escape(said)):
        Plan.from_yaml(TEXT.replace(old, new, 1))


@pytest.mark.parametrize("text", ["", "foo", "- 1", "a: [", "legs: []"])
def test_what_is_no_plan_is_refused(text):
    """Anything but a plan is refused with the kit's own error."""
    with pytest.raises(SettingsError):
        Plan.from_yaml(text)


def test_a_missing_file_is_named(tmp_path):
    """A path without a plan is named."""
    with pytest.raises(SettingsError, match="no plan here"):
        Plan.load(tmp_path / "none.yaml")
    (tmp_path / "plan.yaml").write_text(TEXT, encoding="utf-8")
    assert Plan.load(tmp_path / "plan.yaml") == Plan.from_yaml(TEXT)


def test_a_python_rule_cannot_be_yaml():
    """A plan with a function among its rules works in Python and refuses to be written."""
    plan = Plan.from_yaml(TEXT).but(exit={"at": "15:15", "when": lambda _: True})
    with pytest.raises(SettingsError, match="cannot be written"):
        plan.to_yaml()


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"stop": {"percent": 0}}, "Plan.legs.0.stop.percent does not accept: 0"),
        ({"expiry": "weekly"}, "Plan.legs.0.expiry does not accept: 'weekly'"),
    ],
)
def test_a_complaint_names_the_field_and_the_value(rules, said):
    """What does not fit deep in a leg is named as it is written, without the names of what checks it."""
    leg = {"side": "sell", "right": "CE", "strike": {"steps": 0}, **rules}
    with pytest.raises(SettingsError) as refused:
        Plan(entry={"at": "09:20"}, exit={"at": "15:15"}, legs=[leg])
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("written", ["9:20", "09:20", "'9:20'", "0920", "09:20:00"])
def test_a_time_of_day_as_it_is_written(written):
    """A time needs no quotes, though old YAML reads 9:20 as the number 560."""
    text = f"{{name: x, entry: {{at: {written}}}, exit: {{at: 15:10}}, legs: {{strategy: short_straddle}}}}"
    plan = Plan.from_yaml(text)
    assert (plan.entry.at, plan.exit.at) == (time(9, 20), time(15, 10))
    assert Plan.from_yaml(plan.to_yaml()) == plan


@pytest.mark.parametrize("written", ["560", "920", "9.2", "true", "25:00", "9:20:30", "9:61", "-9:20", "[9]"])
def test_a_time_of_day_that_is_none(written):
    """A number is no time: 920 was taken for the 920th minute, 15:20."""
    with pytest.raises(SettingsError, match="at"):
        Plan.from_yaml(f"{{name: x, entry: {{at: {written}}}, legs: {{strategy: short_straddle}}}}")


def test_a_key_is_the_word_that_is_written():
    """YAML reads some words as truth values, numbers or dates; as the key of a plan each is a word."""
    legs = "legs: [{side: buy, right: CE, strike: {steps: 0}, %s: up}]"
    text = '{entry: {at: "09:45", breakout: {range: ["09:15", "09:45"]}}, exit: {at: "15:00"}, ' + legs + "}"
    assert Plan.from_yaml(text % "on") == Plan.from_yaml(text % "'on'")
    assert Plan.from_yaml(text % "on").legs[0].on == "up"
    for word in ("off", "yes", "1", "2024-01-10", "null", "1.5"):
        with pytest.raises(SettingsError, match=f"has no setting of this name: '{word}'"):
            Plan.from_yaml(text % word)
