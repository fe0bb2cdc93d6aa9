"""Bar and line charts as SVG made here: no script, no style attribute, real text, and a table that says the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from flask import render_template

from admin import i18n

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 260, 78, 26, 10


@dataclass(frozen=True)
class Series:
    name: str
    values: Sequence[int | None]


@dataclass
class Chart:
    """``labels`` along the bottom, one bar (or point) a series above each."""

    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    kind: str = "bars"  # or "lines"
    #: How a value is written on the axis and in the table.
    write: Callable[[int | None], str] = i18n.whole_money
    #: What the first column of the table is called.
    of: str = ""
    id: str = "chart"
    width: int = WIDTH
    height: int = HEIGHT
    ticks: list[tuple[float, str]] = field(default_factory=list, init=False)
    bars: list[dict[str, object]] = field(default_factory=list, init=False)
    lines: list[dict[str, object]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        values = [value or 0 for series in self.series for value in series.values]
        self.low, self.high = min(0, *values, 0), max(1, *values, 1)
        step = nice_step((self.high - self.low) / 4)
        self.low = -step * -(-abs(self.low) // step) if self.low < 0 else 0
        self.high = step * -(-self.high // step)
        tick = self.low
        while tick <= self.high:
            self.ticks.append((self.y(tick), self.write(tick)))
            tick += step
        self.slot = (self.width - LEFT - 8) / max(1, len(self.labels))
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

    def _lay_bars(self) -> None:
        wide = min(34.0, self.slot * 0.76 / max(1, len(self.series)))
        for number, series in enumerate(self.series):
            for index, value in enumerate(series.values):
                if value is None:
                    continue
                top, zero = self.y(max(value, 0)), self.y(min(value, 0))
                x = self.x(index) + (number - len(self.series) / 2) * wide
                self.bars.append({
                    "x": round(x, 1), "y": top, "width": round(wide - 2, 1), "height": max(round(zero - top, 1), 0.8),
                    "series": number, "title": f"{self.labels[index]}, {series.name}: {self.write(value)}",
                })  # fmt: skip

    def _lay_lines(self) -> None:
        for number, series in enumerate(self.series):
            points = [(self.x(i), self.y(v), i, v) for i, v in enumerate(series.values) if v is not None]
            self.lines.append({
                "points": " ".join(f"{x},{y}" for x, y, _, _ in points), "series": number,
                "dots": [(x, y, f"{self.labels[i]}, {series.name}: {self.write(v)}") for x, y, i, v in points],
            })  # fmt: skip

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
