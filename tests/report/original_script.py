"""What a script of the original study does with its results, written from the description of its files (docs/study.md, "Keys of a result"):
every file of the folder is a result, and one without `loss` is not done. It knows nothing of keys that came later."""
import json
import math
import os
import sys

SWITCHES = [
    "use_input_gate", "use_forget_gate", "use_output_gate", "use_state_gate", "use_new_state", "use_old_state", "use_residual",
]

folder = sys.argv[1]
results, running = [], 0
for name in os.listdir(folder):
    with open(os.path.join(folder, name)) as file:
        result = json.load(file)
    if "loss" not in result:
        running += 1
        continue
    assert name.startswith(result["id"]), name
    assert min(result["loss"]) == result["min loss"], name
    results.append(result)

results.sort(key=lambda result: (result["min loss"], result["start time"]))
print(len(results), "finished,", running, "not")
for result in results:
    on = "".join("1" if result[switch] else "0" for switch in SWITCHES)
    steps_per_value = result["training steps"] / len(result["loss"])
    print(
        result["id"][:8], on, result["n_layers"], result["state_size"],
        "%.6f" % math.log(result["min loss"]), "%.3f" % (result["end time"] - result["start time"]),
        "%g" % steps_per_value, result["batch size"], result["history size"], result["dataset"],
    )

# A linear fit's input: one row of numbers a run.
matrix = [[float(result[key]) for key in SWITCHES + ["n_layers", "state_size"]] for result in results]
print(len(matrix), "rows of", {len(row) for row in matrix})
