"""Files with an activation that is none, each with the sentence that says so; `{own}` is the folder that holds them."""

_MUST = "must be elementwise, each output a function of its own input alone; got another output for an input that"

FILES: dict[str, str | bytes] = {
    "fine.py": "import torch\n\n\ndef f(u):\n    return torch.tanh(u)\n\n\nnumber = 3\nspare = lambda u: u\n",
    "syntax.py": "def f(u):\n    return u +\n",
    "zero.py": b"def f(u):\n    return u\0\n",
    "latin.py": "def f(u):  # für\n    return u\n".encode("latin-1"),
    "fails.py": "import no_such_module\n\n\ndef f(u):\n    return u\n",
    "exits.py": "import sys\n\nsys.exit(3)\n",
    "many.py": "def f(u, v):\n    return u\n",
    "none.py": "def f():\n    return 1\n",
    "shape.py": "def f(u):\n    return u.sum()\n",
    "broadcasts.py": "def f(u):\n    return u.mean(2, keepdim=True)\n",
    "type.py": "import torch\n\n\ndef f(u):\n    return u.tanh().to(torch.float64)\n",
    "numpy_.py": "import numpy as np\n\n\ndef f(u):\n    return np.tanh(u.numpy())\n",
    "nothing.py": "def f(u):\n    u.tanh()\n",
    "raises.py": "def f(u):\n    if u.max() > 1:\n        raise ValueError('too large')\n    return u\n",
    "nan.py": "def f(u):\n    return u.log()\n",
    "allnan.py": "def f(u):\n    return u * float('nan')\n",
    "softmax.py": "def f(u):\n    return u.softmax(-1)\n",
    "centred.py": "def f(u):\n    return u - u.mean()\n",
    "noise.py": "import torch\n\n\ndef f(u):\n    return u + torch.rand_like(u)\n",
    "place.py": "import torch\n\n\ndef f(u):\n    return u * torch.arange(u.numel()).view_as(u)\n",
    "changes.py": "def f(u):\n    return u.clamp_(0)\n",
    "wrong.py": "def f(u):\n    return u**3\n\n\ndef f_derivative(u):\n    return 2 * u**2\n",
    "wrongkind.py": "def f(u):\n    return u**3\n\n\ndef f_derivative(u):\n    return 3\n",
    "constant.py": "def f(u):\n    return u.detach().tanh()\n",
    "where.py": "import torch\n\n\ndef f(u):\n    return torch.where(u > 0, u.sqrt(), 0 * u)\n",
}

_FORM = "FILE.py:NAME, such as mine.py:f"

CASES: list[tuple[str, str]] = [
    ("{own}/missing.py:f", "{own}/missing.py must be a file of Python that can be read; got 'No such file or "
     "directory, seen from {cwd}'"),
    ("{own}/folder.py:f", "{own}/folder.py must be a file of Python that can be read; got 'Is a directory, seen from "
     "{cwd}'"),
    ("{own}/fine.py", "activation must be the name of one that is built in, or " + _FORM + "; got '{own}/fine.py'"),
    ("{own}/fine:f", "activation must be the name of one that is built in, or " + _FORM + "; got '{own}/fine:f'"),
    ("{own}/fine.py:", "NAME of " + _FORM + ", must be the name of a function in Python; got '' in '{own}/fine.py:'"),
    ("{own}/fine.py:my-f", "NAME of " + _FORM + ", must be the name of a function in Python; got 'my-f' in "
     "'{own}/fine.py:my-f'"),
    ("{own}/fine.py:lambda", "NAME of " + _FORM + ", must be the name of a function in Python; got 'lambda' in "
     "'{own}/fine.py:lambda'"),
    ("{own}/fine.py:relu", "a function of one's own must not have the name of one that is built in; got 'relu' in "
     "'{own}/fine.py:relu': call it my_relu"),
    ("{own}/fine.py:spar", "{own}/fine.py must define spar; it does not: did you mean spare?"),
    ("{own}/fine.py:number", "number of {own}/fine.py must be a function of one tensor; got int 3"),
    ("{own}/syntax.py:f", "{own}/syntax.py must be Python; got 'invalid syntax' in line 2"),
    ("{own}/latin.py:f", "{own}/latin.py must be Python, written in UTF-8; got other bytes"),
    ("{own}/fails.py:f", "{own}/fails.py must run without an error; got ModuleNotFoundError (No module named "
     "'no_such_module') in line 1"),
    ("{own}/exits.py:f", "{own}/exits.py must run without an error; got SystemExit (3) in line 3"),
    ("{own}/many.py:f", "f of {own}/many.py must take one tensor and not fail; got TypeError (f() missing 1 required "
     "positional argument: 'v')"),
    ("{own}/none.py:f", "f of {own}/none.py must take one tensor and not fail; got TypeError (f() takes 0 positional "
     "arguments but 1 was given)"),
    ("{own}/shape.py:f", "f of {own}/shape.py must keep shape, type and device of its input, [2, 3, 8, 4] of "
     "torch.float32 on cpu; got [] of torch.float32 on cpu"),
    ("{own}/broadcasts.py:f", "f of {own}/broadcasts.py must keep shape, type and device of its input, [2, 3, 8, 4] of "
     "torch.float32 on cpu; got [2, 3, 1, 4] of torch.float32 on cpu"),
    ("{own}/type.py:f", "f of {own}/type.py must keep shape, type and device of its input, [2, 3, 8, 4] of "
     "torch.float32 on cpu; got [2, 3, 8, 4] of torch.float64 on cpu"),
    ("{own}/numpy_.py:f", "f of {own}/numpy_.py must return a tensor of torch; got numpy.ndarray"),
    ("{own}/nothing.py:f", "f of {own}/nothing.py must return a tensor of torch; got NoneType"),
    ("{own}/raises.py:f", "f of {own}/raises.py must take one tensor and not fail; got ValueError (too large) in line "
     "3"),
    ("{own}/nan.py:f", "f of {own}/nan.py must be finite at inputs from -8 to 8, in torch.float32; got nan at -1.035"),
    ("{own}/softmax.py:f", "f of {own}/softmax.py " + _MUST + " stands at another place"),
    ("{own}/centred.py:f", "f of {own}/centred.py " + _MUST + " has other neighbours"),
    ("{own}/noise.py:f", "f of {own}/noise.py " + _MUST + " is asked again"),
    ("{own}/place.py:f", "f of {own}/place.py " + _MUST + " stands at another place"),
    ("{own}/changes.py:f", "f of {own}/changes.py must leave its input as it is; got it changed in place: work on "
     "u.clone()"),
    ("{own}/wrong.py:f", "f_derivative of {own}/wrong.py must be the derivative of f; got 3.889 at 1.394, where "
     "differences of f give 5.834"),
    ("{own}/wrongkind.py:f", "f_derivative of {own}/wrongkind.py must return a tensor of torch; got int"),
    ("{own}/constant.py:f", "autograd must see how f of {own}/constant.py depends on its input; it does not: use "
     "functions of torch alone, or write f_derivative(u) beside it"),
    ("{own}/where.py:f", "the derivative of f of {own}/where.py must be finite at inputs from -8 to 8; autograd got "
     "nan: write f_derivative(u) beside it"),
    ("{own}/fine.py:f@01234567", "{own}/fine.py must hold the code that is asked for, 01234567; got "),
]  # fmt: skip
"""What is given to `activation=`, and how the sentence begins."""

UNCERTAIN = ("zero.py", "allnan.py")
"""Files whose sentence is another with each version of Python or torch; they are refused, too."""
