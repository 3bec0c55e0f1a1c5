"""The figure of a comparison: names and colours of conditions, and texts that do not overlap."""

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex
from reading import outside, overlapping, texts
from test_comparison import write

from elman.comparison import compare
from elman.plots.comparison import figure
from elman.plots.conditions import colours
from elman.plots.style import COLOURS

RATES = [[0.5, 0.0], [0.5, 0.2]]
LEXICONS = (["many", "years", "ago"], ["girl", "lived", "by the sea"], ["they", "played", "happily"])


def axes(drawn):
    return {ax.get_title(): ax for ax in drawn.findobj(matplotlib.axes.Axes)}


def sweep(directory, labels=None, **settings):
    """A run for each value of a setting."""
    ((key, values),) = settings.items()
    for number, value in enumerate(values):
        write(directory / str(number), rates=RATES, **({"task": {key: value}} if key == "lexicon" else {key: value}))
    return compare(directory, labels=labels)


@pytest.mark.parametrize(
    ("sizes", "rates"), [((3, 4, 20), (0.1,)), (range(1, 13), (0.1,)), ((3, 4, 20), (0.05, 0.1, 0.2, 0.4))]
)
@pytest.mark.parametrize("key", [None, "hidden_size", "learning_rate"])
def test_no_texts_overlap_and_every_axis_has_a_label(tmp_path, sizes, rates, key):
    for H in sizes:
        for rate in rates:
            write(tmp_path / f"{H}-{rate}", rates=RATES, hidden_size=H, learning_rate=rate)
    drawn = figure(compare(tmp_path, by=["hidden_size", "learning_rate"]), key)
    assert not overlapping(drawn)
    assert not outside(drawn)
    assert all(ax.get_ylabel() for ax in drawn.findobj(matplotlib.axes.Axes))


def test_each_name_has_the_colour_of_its_curves_and_dots(tmp_path):
    comparison = sweep(tmp_path, hidden_size=(3, 4, 20))
    panels = axes(figure(comparison))
    named = {label.get_text(): to_hex(label.get_color()) for label in panels["Learned it"].get_yticklabels()}
    assert named == dict(zip(("3", "4", "20"), map(str.lower, COLOURS), strict=False))
    for title in ("Training loss", "Predictable steps", "Learned it by then"):
        assert [to_hex(line.get_color()) for line in panels[title].lines] == list(named.values())
    dots = [line for line in panels["Test error by position"].lines if line.get_marker() == "o"]
    assert [to_hex(line.get_color()) for line in dots] == list(named.values())


def test_many_numbers_of_one_setting_have_colours_on_a_scale(tmp_path):
    sizes = (2, 3, 4, 5, 6, 8, 10, 20, 40)
    drawn = figure(sweep(tmp_path, hidden_size=sizes))
    (scale,) = (ax for ax in drawn.findobj(matplotlib.axes.Axes) if ax.get_ylabel() == "hidden_size" and not ax.lines)
    assert scale.get_ylim() == (2, 40)
    shown = [label.get_text() for label in scale.get_yticklabels()]
    assert shown[0] == "2"
    assert set(shown) <= set(map(str, sizes))
    chosen = colours([{"hidden_size": size} for size in sizes])
    curves = axes(drawn)["Training loss"].lines
    assert [to_hex(line.get_color()) for line in curves] == [to_hex(colour) for colour in chosen.of]
    brightness = [sum(colour[:3]) for colour in chosen.of]
    assert brightness == sorted(brightness)


@pytest.mark.parametrize("key", [None, "task.lexicon"])
def test_a_lexicon_is_called_by_a_letter_or_a_label(tmp_path, key):
    drawn = figure(sweep(tmp_path, {"B": "short words"}, lexicon=LEXICONS), key)
    seen = " ".join(text.get_text() for text, _ in texts(drawn))
    assert "A, short words, C: task.lexicon, in the order of the table" in seen
    ticks = drawn.findobj(matplotlib.axes.Axes)[0].xaxis if key else axes(drawn)["Learned it"].yaxis
    assert [label.get_text() for label in ticks.get_ticklabels()] == ["A", "short words", "C"]
    assert not any(word in seen for word in ("girl", "years", "happily"))
    assert not overlapping(drawn)


def test_labels_are_for_values_that_are_compared(tmp_path):
    ticks = axes(figure(sweep(tmp_path, {"3": "few = 3"}, hidden_size=(3, 4))))["Learned it"].get_yticklabels()
    assert [label.get_text() for label in ticks] == ["few = 3", "4"]
    with pytest.raises(KeyError, match="nothing that is compared is called 5; there are 3, 4"):
        compare(tmp_path, labels={"5": "five"})


def test_the_share_that_succeeded_stands_in_its_interval(tmp_path):
    comparison = sweep(tmp_path, hidden_size=(3, 4))
    lines = axes(figure(comparison))["Learned it"].lines
    rows = comparison.table
    np.testing.assert_array_equal([line.get_xdata()[0] for line in lines[1::2]], rows["success_rate"])
    intervals = rows[["success_rate_low", "success_rate_high"]]
    np.testing.assert_array_equal([line.get_xdata() for line in lines[::2]], intervals)
