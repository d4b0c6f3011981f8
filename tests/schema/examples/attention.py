"""Questions and their answers."""

from typing import Final

from tests.schema.examples.inputs import WHY, Example, Input
from tests.schema.world import World


async def ask_question(world: World) -> Input:
    return {
        "runId": world.run,
        "taskId": world.task,
        "workerId": world.worker,
        "question": "How many?",
        "detail": "It matters.",
        "options": ["1", "2"],
        "answerSchema": {"type": "string"},
        "defaultAnswer": "1",
        "expiresInSeconds": 60,
        "idempotencyKey": "key-1",
    }


async def answer_attention(world: World) -> Input:
    return {"itemId": world.item, "answer": "red", "idempotencyKey": "key-1"}


async def dismiss_attention(world: World) -> Input:
    return {"itemId": world.item, **WHY}


EXAMPLES: Final[dict[str, list[Example]]] = {
    "askQuestion": [ask_question],
    "answerAttention": [answer_attention],
    "dismissAttention": [dismiss_attention],
}
