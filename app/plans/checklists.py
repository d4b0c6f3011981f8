"""Sections whose boxes are checks and not work: success criteria, definitions of done, legends."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from app.plans import ids, titles
from app.plans.outline import Box, Heading, Outline

_ENGLISH: Final = (
    r"(?:success|acceptance|completion|exit|done|validation|verification|release|readiness|quality) criteria",
    r"criteria (?:for|of) (?:success|acceptance|completion|done)",
    r"(?:success|acceptance) (?:metrics|conditions)",
    r"definition of (?:done|ready)(?: \(do[dr]\))?",
    r"dod|done when",
    r"(?:[\w/&-]+ ){0,2}"
    r"(?:verification|validation|acceptance|review|quality|quality assurance|qa|test|testing|completion|sign-?off|success|compliance)"
    r" check-?list",
    r"(?:final|pre-?merge|pre-?commit|post-?implementation|pull request|pr|self-?review) check-?list",
    r"(?:task |status ){0,2}(?:legend|status key)",
)
_OTHERS: Final = (
    # Japanese, Chinese, Korean
    r"(?:受け?入れ?|完了|成功|達成|終了|検収)(?:基準|条件)|(?:完了|完成)の定義|(?:検証|確認|受け?入れ?)チェックリスト|凡例",
    r"(?:验收|完成|成功|通过|验证|驗收|通過|驗證)(?:标准|標準|条件|條件|准则|清单|清單)|完成的?(?:定义|定義)|图例|圖例",
    r"(?:완료|성공|인수|수락|승인|합격) ?(?:기준|조건)|완료(?:의)? ?정의|(?:검증|확인) ?체크리스트|범례",
    # Spanish, Portuguese, French, Italian
    r"criterios de (?:aceptación|éxito|finalización|completitud)|definición de (?:hecho|terminado|listo)",
    r"critérios de (?:aceitação|aceite|sucesso|conclusão)|definição de (?:pronto|feito|concluído)",
    r"list[ae] de (?:verificación|verificação|vérification)|leyenda|legenda|légende",
    r"critères? (?:d['\u2019]acceptation|de (?:succès|réussite|validation))|définition d[eu] (?:terminé|fini)",
    r"criteri di (?:accettazione|successo|completamento)|definizione di (?:fatto|completato)",
    # German, Dutch, Swedish, Danish, Norwegian
    r"(?:akzeptanz|abnahme|erfolgs|fertigstellungs)kriterien|(?:abnahme|prüf)(?:check)?liste|legende",
    r"(?:acceptatie|succes)criteria|acceptanskriterier|framgångskriterier|(?:accept|succes|suksess)kriterier",
    # Polish, Czech, Russian, Ukrainian, Turkish, Vietnamese, Indonesian
    r"kryteria (?:akceptacji|sukcesu|ukończenia)|definicja ukończenia|akceptační kritéria|kritéria (?:přijetí|úspěchu)",
    r"критерии (?:при[её]мки|успеха|готовности|завершения)|определение готовности",
    r"критерії (?:приймання|успіху|готовності|завершення)",
    r"(?:kabul|başar\u0131) kriterleri|tiêu chí (?:chấp nhận|thành công|hoàn thành|nghiệm thu)",
    r"kriteria (?:penerimaan|keberhasilan|selesai)",
)
_NAME: Final = re.compile("(?:" + "|".join((*_ENGLISH, *_OTHERS)) + ")")
# with a word or two before it, unless that says that writing the criteria is the work
_ENDING: Final = re.compile(
    r"(?!(?:add|agree|check|collect|create|define|document|implement|list|review|set|specify|update|verify|write)\b)"
    r"(?:[\w-]+ ){1,3}(?:success|acceptance|completion|exit) criteria"
    r"|(?:功能|性能|整体|总体|最终|项目|.{0,3}阶段.{0,2})验收标准"
)
# `3.2 Success Criteria`, `Phase 2 Acceptance Criteria`; but `Phase 2: Acceptance Criteria` is a phase of that name
_NUMBERING: Final = re.compile(r"[\W\d_]*(?:(?:phase|stage|step|task|milestone) [\d.]+[a-z]? )?")
_SCOPE: Final = re.compile(r"(?:overall|global|final) ")
_AFTER: Final = re.compile(r"(?:\s*[:\uff1a.]|\s+[—\u2013-]\s.*|\s*\(.*\)|\s*\uff08.*\uff09)?[\W_]*$")


def is_checklist_name(text: str) -> bool:
    """Whether a heading or a label says that what follows is no work."""
    return _is_checklist_name(text[:1_000])


@lru_cache(maxsize=1_000)  # the same few labels stand all over a document
def _is_checklist_name(text: str) -> bool:
    name = titles.heading_title(text)[:120].casefold()
    name = _AFTER.sub("", name[_end_of(_NUMBERING, name) :])
    return any(
        _NAME.fullmatch(variant) or _ENDING.fullmatch(variant)
        for variant in (name, name[_end_of(_SCOPE, name) :])
    )


def _end_of(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.match(text)
    return found.end() if found else 0


def without_checklists(outline: Outline) -> list[Box]:
    """The boxes that are work. What is left out is told by section."""
    boxes_by_heading: dict[Heading, list[Box]] = {}
    for box in outline.boxes:
        if box.heading is not None:
            boxes_by_heading.setdefault(box.heading, []).append(box)
    around: dict[Heading | None, Heading | None] = {None: None}
    dropped = set()
    for heading in outline.headings:
        checklist = around[heading.parent] or (heading if is_checklist_name(heading.text) else None)
        around[heading] = checklist
        boxes = boxes_by_heading.get(heading, [])
        if checklist is not None and boxes and not _is_work(boxes):
            dropped.add(heading)
            _warn(outline, heading, checklist, len(boxes))
    return [box for box in outline.boxes if box.heading not in dropped]


def _is_work(boxes: Iterable[Box]) -> bool:
    """Boxes that call themselves tasks are, whatever the heading says."""
    return any(titles.says_task(box.text) or ids.is_certain(box.title) for box in boxes)


def _warn(outline: Outline, heading: Heading, checklist: Heading, count: int) -> None:
    boxes = "1 box" if count == 1 else f"{count} boxes"
    within = ""
    if checklist is not heading:
        within = f" (in “{checklist.text}”, line {outline.line_in_document(checklist.line)})"
    outline.warn(
        heading.line, f"“{heading.text}”{within} is a checklist, not work: its {boxes} are not read as tasks."
    )
