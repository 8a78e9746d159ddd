"""An emulated terminal that remembers what it did besides drawing."""

from __future__ import annotations

import pyte

ROWS, COLUMNS = 24, 80


class Screen(pyte.Screen):
    """In `acted`: what it would type into the shell, and titles."""

    def __init__(self) -> None:
        super().__init__(COLUMNS, ROWS)
        self.acted: list[str] = []

    def write_process_input(self, data: str) -> None:
        self.acted.append(data)

    def set_title(self, param: str) -> None:
        self.acted.append(f"title {param}")

    def set_icon_name(self, param: str) -> None:
        self.acted.append(f"icon name {param}")

    def select_graphic_rendition(self, *attrs: int, private: bool = False) -> None:
        if not private:  # pyte takes `CSI ? … m` for a colour, and falls over it
            super().select_graphic_rendition(*attrs)
