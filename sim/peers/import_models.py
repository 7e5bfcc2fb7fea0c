"""Imports every MJCF file of the installed gymnasium and dm_control packages, and checks mass and
stability against MuJoCo.

Needs `pip install mujoco gymnasium dm_control` and a Rust toolchain. Nothing of the packages is
copied: files are read where they are installed.

    python sim/peers/import_models.py [--write]     # --write: the table in sim/IMPORT.md is replaced
"""

import argparse
import importlib.util
import json
import pathlib
import re
import subprocess

import mujoco

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "sim" / "IMPORT.md"
BEGIN, END = "<!-- begin: import_models.py -->\n", "<!-- end: import_models.py -->\n"
SECONDS = 10
TOLERANCE = 0.01


def packages():
    """The root folders of the packages, by name."""
    for name in ("gymnasium", "dm_control"):
        yield name, pathlib.Path(importlib.util.find_spec(name).origin).parent


def is_model(file):
    """Whether an XML file is MJCF, rather than a schema or a part that only other files include."""
    text = file.read_text()
    return "<mujoco" in text and "attribute_test_schema" not in file.name and file.name != "schema.xml"


def mass_in_mujoco(file):
    """Mass of everything that moves, or the reason why MuJoCo itself refuses the file."""
    try:
        model = mujoco.MjModel.from_xml_path(str(file))
    except ValueError as error:
        return None, " ".join(str(error).split())
    moving = [body for body in range(model.nbody) if model.body_weldid[body] != 0 and model.body_mocapid[body] < 0]
    return float(sum(model.body_mass[body] for body in moving)), None


def reason_of(message):
    """The reason of a refusal, without the folders of the files that it names."""
    return re.sub(r"/\S*/(?=[^/\s]+:)", "", message)


def verdict(file, binary):
    expected, broken = mass_in_mujoco(file)
    run = subprocess.run([binary, str(file), "--seconds", str(SECONDS)], capture_output=True, text=True, timeout=600)
    if run.returncode != 0:
        return "CRASHED", run.stderr.strip()[-200:], []
    report = json.loads(run.stdout)
    if "refused" in report:
        note = f"{reason_of(report['refused'])}" + (" (MuJoCo refuses it too)" if broken else "")
        return "refused", note, []
    mass = abs(report["mass"])
    note = f"{mass:.4g} kg"
    if broken:
        note += f"; MuJoCo refuses it: {broken}"
    elif abs(mass - expected) > TOLERANCE * max(expected, 1e-12):
        return "WRONG MASS", f"{mass:.6g} kg, MuJoCo {expected:.6g} kg", report["approximations"]
    if report["health"] != "Sound":
        return "UNSTABLE", f"{report['health']} after {report['seconds']:.2f} s", report["approximations"]
    return "loads", note, report["approximations"]


def table(binary):
    rows, counts = [], {}
    for package, folder in packages():
        for file in sorted(folder.rglob("*.xml")):
            if not is_model(file):
                continue
            state, note, approximations = verdict(file, binary)
            counts[state] = counts.get(state, 0) + 1
            rows.append(f"| {package} `{file.relative_to(folder)}` | {state} | {note.replace('|', '/')} |")
            print(rows[-1], *approximations, sep="\n    ", flush=True)
    summary = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    return f"{summary}\n\n| model | result | mass or reason |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--binary", help="a built import_model, instead of building it")
    options = parser.parse_args()
    binary = options.binary
    if binary is None:
        build = "cargo build --release -p telos-sim --example import_model --message-format=json".split()
        output = subprocess.run(build, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        artifacts = [json.loads(line) for line in output.splitlines()]
        binary = [a["executable"] for a in artifacts if a.get("executable")][-1]
    text = table(binary)
    print("\n" + text)
    if options.write:
        page = PAGE.read_text()
        head, rest = page.split(BEGIN)
        PAGE.write_text(head + BEGIN + text + END + rest.split(END)[1])


if __name__ == "__main__":
    main()
