"""What memory a text of 20,000 words takes, and one in which a word has 8,000 letters. Prints both, in MB.

python tests/bench/memory.py
"""

import random
import subprocess
import sys
import tempfile
from pathlib import Path

WORDS, DIFFERENT, LETTERS = 20_000, 500, 8_000
RUN = ("task=text", "task.file=text.txt", "task.level=words", "epochs=1", "hidden_size=5", "hydra.run.dir=run")
PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


def peak(words, here):
    """The most memory that a run on a text takes, in MB."""
    (here / "text.txt").write_text("\n".join(" ".join(words[i : i + 10]) for i in range(0, len(words), 10)))
    program = f"from elman.cli.main import main; main(); {PEAK}"
    command = [sys.executable, "-c", program, *RUN, "overwrite=true"]
    done = subprocess.run(command, cwd=here, check=True, capture_output=True, text=True)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return int(done.stdout.split()[-1]) / unit


def main():
    rng = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    lexicon = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(DIFFERENT)]
    words = rng.choices(lexicon, k=WORDS)
    with tempfile.TemporaryDirectory() as name:
        without = peak(words, Path(name))
        with_one = peak(["y" * LETTERS, *words[1:]], Path(name))
    print(f"{WORDS:,} words{without:35.0f} MB")
    print(f"{WORDS:,} words, one of {LETTERS:,} letters{with_one:12.0f} MB")


if __name__ == "__main__":
    main()
