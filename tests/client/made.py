"""Steps that are rows already, where flatline.Run takes some that are to be made."""

from dataclasses import dataclass

from flatline.rows import Rows


@dataclass(frozen=True)
class Made:
    """A batch of steps, as the Keras capture offers them."""

    ready: Rows

    @property
    def first_step(self) -> int:
        return self.ready.first_step

    def __len__(self) -> int:
        return len(self.ready)

    def rows(self) -> Rows:
        return self.ready
