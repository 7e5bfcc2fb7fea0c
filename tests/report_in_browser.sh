#!/usr/bin/env bash
# The page of `telos report` in a real browser, wide and narrow, light and dark: its console stays
# empty, its script has run, every figure and picture is drawn, and nothing sticks out sideways.
#
#     bash tests/report_in_browser.sh TELOS
set -euo pipefail
telos=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$telos" train tests/configs/preferences.toml --set env.id=pendulum-swingup --set 'seeds=[1,2]' --out "$scratch/run" --quiet >"$scratch/log"
"$telos" report "$scratch/run" --out "$scratch/report" >"$scratch/log" 2>&1

# The page says of itself what was drawn.
measure='
const drawn = element => {
  const { width, height } = element.getBoundingClientRect();
  const filled = element.tagName === "IMG" ? element.naturalWidth > 0 : element.querySelector("polyline, circle");
  return filled && width > 100 && height > 50;
};
const figures = [...document.querySelectorAll("svg, img")];
const page = document.documentElement;
page.dataset.found = [
  `figures ${document.images.length === 2 && figures.length > 9}`, `drawn ${figures.every(drawn)}`,
  `script ${!document.getElementById("theme").hidden}`, `fits ${page.scrollWidth <= page.clientWidth}`,
].join(", ");'
{ cat "$scratch/report/report.html" && echo "<script>$measure</script>"; } >"$scratch/measured.html"

for flags in "--window-size=1200,900" "--window-size=500,900 --blink-settings=preferredColorScheme=0"; do
    # shellcheck disable=SC2086 # the flags are words
    chromium --headless --no-sandbox --disable-gpu --user-data-dir="$scratch/profile" \
        --enable-logging=stderr --virtual-time-budget=5000 $flags \
        --dump-dom "file://$scratch/measured.html" >"$scratch/dom.html" 2>"$scratch/log"
    if grep CONSOLE "$scratch/log"; then
        echo "the page writes to the console of the browser ($flags)" >&2
        exit 1
    fi
    found=$(grep -o 'data-found="[^"]*"' "$scratch/dom.html")
    expected='data-found="figures true, drawn true, script true, fits true"'
    [[ $found == "$expected" ]] || { echo "$flags: $found" >&2; exit 1; }
done
echo "the report is whole in the browser"
