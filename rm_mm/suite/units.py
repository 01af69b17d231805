"""Durations and sizes as people read them."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Format seconds as ``m:ss``, ``h:mm:ss`` or, from a day on, ``2 d 20:05``."""
    if seconds >= 86_400:
        minutes = round(seconds / 60)
        return f'{minutes // 1440} d {minutes % 1440 // 60:02d}:{minutes % 60:02d}'
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02d}:{rest:02d}' if hours else f'{minutes}:{rest:02d}'


def size(number: int) -> str:
    """Format bytes as MB or GB."""
    return f'{number / 1e9:.1f} GB' if number >= 1e9 else f'{number / 1e6:.0f} MB'
