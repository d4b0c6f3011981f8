"""What the rows of runs, tasks and workers keep of their budgets. What was spent is in the sums of usage."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class Budgeted(SQLModel):
    """`budget_warned`: it was told that most of it is spent, once until the limit is another."""

    budget: int | None = Field(default=None, sa_type=BigInteger)
    budget_warned: bool = False


class Reserving(Budgeted):
    """`reserved`, of a worker, is what it may still spend of its run's budget before anybody else; of a run, the sum of these.

    `budget_paused`: a budget that is used up has paused it, and nobody else.
    """

    reserved: int = Field(default=0, sa_type=BigInteger)
    budget_paused: bool = False
