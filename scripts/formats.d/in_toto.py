#!/usr/bin/env python3
"""Reads statements with in-toto's own library (PyPI in-toto-attestation): in_toto.py FILE..."""

import pathlib
import sys

from google.protobuf import json_format
from in_toto_attestation.v1 import statement, statement_pb2

failed = 0
for name in sys.argv[1:]:
    try:
        parsed = json_format.Parse(pathlib.Path(name).read_text(encoding="utf-8"), statement_pb2.Statement())
        statement.Statement.copy_from_pb(parsed).validate()
    except (ValueError, TypeError, json_format.ParseError) as error:
        failed += 1
        print(f"{name}: {error}")
print(f"{len(sys.argv) - 1 - failed} passed, {failed} failed, 0 skipped")
sys.exit(1 if failed or len(sys.argv) == 1 else 0)
