"""
What a test and a program say to each other: a line of JSON each, over stdin and stdout.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def serve(program: Any) -> None:
    """
    Call what each line of stdin names, as ``["method", argument, ...]``, and say what came of it.

    Ends with its input. Blocks as long as the call does.
    """
    # What the libraries print themselves must not get between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        method, *arguments = json.loads(line)
        answer = {"result": None, "error": "", "text": ""}
        try:
            answer["result"] = getattr(program, method)(*arguments)
        except Exception as error:
            answer.update(error=type(error).__name__, text=str(error))
        print(json.dumps(answer), file=answers, flush=True)
