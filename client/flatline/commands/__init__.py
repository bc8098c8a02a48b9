"""The commands that look at a monitor: what `flatline runs`, `show`, `alerts` and `tail` print.

They need the standard library only, and each gives its lines one by one; `flatline.cli` prints.
"""
