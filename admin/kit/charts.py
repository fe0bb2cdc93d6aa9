"""Bar and line charts as SVG made here: no script, no style attribute, real text, and a table that says the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from flask import render_template

from admin import i18n

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 280, 92, 30, 10
ROW_LABEL, ROW_BAR, ROW_GAP = 30, 18, 18


@dataclass(frozen=True)
class Series:
    name: str
    values: Sequence[int | None]


@dataclass
class Chart:
    """``bars`` and ``lines`` stand over short labels; ``rows`` lie under labels of any length."""

    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    kind: str = "bars"
    #: How a value is written in the table, and how along the axis, where room is scarce.
    write: Callable[[int | None], str] = i18n.whole_money
    write_short: Callable[[int | None], str] = i18n.short_money
    #: What the first column of the table is called.
    of: str = ""
    id: str = "chart"
    #: Whether the table is under the chart; not where the page has one with more in it.
    table: bool = True
    width: int = WIDTH
    height: int = HEIGHT
    ticks: list[tuple[float, str]] = field(default_factory=list, init=False)
    bars: list[dict[str, object]] = field(default_factory=list, init=False)
    lines: list[dict[str, object]] = field(default_factory=list, init=False)
    texts: list[tuple[float, float, str, str]] = field(default_factory=list, init=False)  # x, y, anchor, text

    def __post_init__(self) -> None:
        values = [value or 0 for series in self.series for value in series.values]
        self.low, self.high = min(0, *values, 0), max(1, *values, 1)
        self.slot = (self.width - LEFT - 8) / max(1, len(self.labels))
        if self.kind == "rows":
            self._lay_rows()
            return
        self._lay_axis()
        if self.kind == "bars":
            self._lay_bars()
        else:
            self._lay_lines()

    def y(self, value: float) -> float:
        room = self.height - TOP - BOTTOM
        return round(TOP + room * (self.high - value) / (self.high - self.low), 1)

    def x(self, index: int) -> float:
        return round(LEFT + self.slot * (index + 0.5), 1)

    @property
    def left(self) -> int:
        return LEFT

    def _lay_axis(self) -> None:
        step = nice_step((self.high - self.low) / 4)
        self.low = -step * -(-abs(self.low) // step) if self.low < 0 else 0
        self.high = step * -(-self.high // step)
        for tick in range(self.low, self.high + 1, step):
            self.ticks.append((self.y(tick), self.write_short(tick)))
            self.texts.append((LEFT - 8, self.y(tick) + 4, "end", self.write_short(tick)))
        self.texts += [(self.x(index), self.height - 8, "middle", label) for index, label in enumerate(self.labels)]

    def _title(self, index: int, series: Series) -> str:
        return f"{self.labels[index]}, {series.name}: {self.write(series.values[index])}"

    def _bar(self, number: int, title: str, **place: float) -> None:
        self.bars.append({"series": number, "title": title, **{name: round(value, 1) for name, value in place.items()}})

    def _lay_bars(self) -> None:
        wide = min(34.0, self.slot * 0.76 / max(1, len(self.series)))
        for number, series in enumerate(self.series):
            for index, value in enumerate(series.values):
                if value is None:
                    continue
                top, zero = self.y(max(value, 0)), self.y(min(value, 0))
                x = self.x(index) + (number - len(self.series) / 2) * wide
                self._bar(
                    number,
                    self._title(index, series),
                    x=x,
                    y=top,
                    width=wide - min(2, wide / 4),
                    height=max(zero - top, 0.8),
                )

    def _lay_rows(self) -> None:
        row = ROW_LABEL + ROW_BAR * len(self.series) + ROW_GAP
        self.height = max(1, row * len(self.labels))
        for index, label in enumerate(self.labels):
            self.texts.append((0, row * index + ROW_LABEL - 9, "start", label))
            for number, series in enumerate(self.series):
                long = self.width * max(0, series.values[index] or 0) / self.high
                y = row * index + ROW_LABEL + ROW_BAR * number
                self._bar(number, self._title(index, series), x=0, y=y, width=max(long, 1), height=ROW_BAR - 3)

    def _lay_lines(self) -> None:
        for number, series in enumerate(self.series):
            points = [(self.x(i), self.y(v), i) for i, v in enumerate(series.values) if v is not None]
            self.lines.append(
                {
                    "points": " ".join(f"{x},{y}" for x, y, _ in points),
                    "series": number,
                    "dots": [(x, y, self._title(i, series)) for x, y, i in points],
                }
            )

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        return [
            (label, [self.write(series.values[index]) for series in self.series])
            for index, label in enumerate(self.labels)
        ]

    def __html__(self) -> str:
        return render_template("achterban/kit/chart.svg.html", chart=self)


def nice_step(rough: float) -> int:
    """The next 1, 2, 2.5 or 5 times a power of ten."""
    power = 1
    while power * 10 <= rough:
        power *= 10
    return next(int(power * factor) for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough and power * factor >= 1)
