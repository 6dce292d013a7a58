#!/usr/bin/env python3
"""Makes the databases of released schemas that tests/it/database/released_schemas.rs reads.

    tests/schemas/dump.py           # every schema
    tests/schemas/dump.py 1 3       # some of them

For each schema, this builds the program of the last commit that has it, and runs the program on
SQLite and on Postgres: scenario.py says with which commands and requests. Then it writes next to
itself

    schema-N.sqlite.sql     what `sqlite3 FILE .dump` prints
    schema-N.postgres.sql   what `pg_dump --inserts` prints
    schema-N.ENGINE.json    the settings, secrets, keys and tokens that the tests need, and what the
                            program printed

The secrets, keys and tokens were made for these files and open nothing else.

Needs git, a Rust toolchain, OpenSSL, sqlite3 and Postgres. Builds in target/schemas.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile

import scenario

# The last commit of each schema: its child adds the next migration.
COMMITS = {
    1: "4f648371b9038edebe43141aa294db227012aba4",
    2: "d9f8bf30850ff5501cab72b69392fe4eeb75ffe2",
    3: "4744fceb743ee58baebcec5908369203962b7245",
}

# What no command of that program sets.
WITHOUT_VALUES = {1: ["resource.signing_algorithm"], 2: ["resource.signing_algorithm"], 3: []}

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "target" / "schemas"


def build(schema):
    """The debug program of the commit of a schema."""
    source = BUILD / f"source-{schema}"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    commit = COMMITS[schema]
    command = ["git", "-C", ROOT, "archive", commit]
    archive = subprocess.run(command, check=True, capture_output=True)
    # With new times of the files: by those of the commit, cargo would take another program for it.
    subprocess.run(["tar", "-x", "-m", "-C", source], input=archive.stdout, check=True)
    migrations = sorted(path.name for path in (source / "migrations").iterdir())
    assert migrations[-1].startswith(f"{schema:04}"), migrations
    # One folder for all, so that they share the dependencies.
    target = BUILD / "target"
    command = ["cargo", "build", "--locked", "--bin", "tokend"]
    environment = os.environ | {"CARGO_TARGET_DIR": str(target)}
    subprocess.run(command, cwd=source, env=environment, check=True)
    program = BUILD / f"tokend-{schema}"
    shutil.copy2(target / "debug" / "tokend", program)
    return program


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def postgres():
    """A throw-away cluster: the folder of its programs, and the URL of its database."""
    programs = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")).parent
    # Postgres refuses to run as root.
    switch = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    prefix = switch if os.getuid() == 0 else []

    def run(program, *arguments):
        command = [*prefix, programs / program, "-D", data, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
        data = f"{folder}/data"
        run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale")
        options = f"-p {port} -k {folder} -h 127.0.0.1 -c fsync=off"
        run("pg_ctl", "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield programs, f"postgres://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")


def dump_sqlite(file):
    command = ["sqlite3", file, ".dump"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def dump_postgres(programs, url):
    command = [programs / "pg_dump", "--inserts", "--no-owner", "--no-privileges", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # Left out: comments, empty lines, and commands that only psql knows.
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if line.strip() and not line.startswith(("--", "\\")))


def columns_without_values(text):
    """The columns of a dump of SQLite without a row in which they are neither NULL nor empty."""
    database = sqlite3.connect(":memory:")
    database.executescript(text)
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    for (table,) in tables.fetchall():
        for column in database.execute(f"PRAGMA table_info({table})").fetchall():
            condition = f"{column[1]} IS NOT NULL AND {column[1]} <> ''"
            rows = database.execute(f"SELECT COUNT(*) FROM {table} WHERE {condition}")
            if rows.fetchone() == (0,):
                yield f"{table}.{column[1]}"


def write(schema, engine, dump, facts):
    (HERE / f"schema-{schema}.{engine}.sql").write_text(dump)
    facts = {"commit": COMMITS[schema], "schema": schema} | facts
    # One line for each member of a member.
    text = json.dumps(facts, indent=2, ensure_ascii=False)
    text = re.sub(r"\n {5,}", "", text)
    (HERE / f"schema-{schema}.{engine}.json").write_text(text + "\n")


def main():
    for schema in [int(argument) for argument in sys.argv[1:]] or COMMITS:
        program = build(schema)
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/tokend.db"
            facts = scenario.play(schema, program, f"sqlite://{file}", free_port)
            dump = dump_sqlite(file)
            write(schema, "sqlite", dump, facts)
        assert list(columns_without_values(dump)) == WITHOUT_VALUES[schema]
        with postgres() as (programs, url):
            facts = scenario.play(schema, program, url, free_port)
            write(schema, "postgres", dump_postgres(programs, url), facts)


if __name__ == "__main__":
    main()
