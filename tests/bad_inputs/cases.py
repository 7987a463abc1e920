"""Mistakes that people make, and the sentence with which each is answered; exit code 2."""

KEY = "a key must be one of those that `bnexp --help` lists; got"
SWEEP = "several values must come with -m, which asks for a sweep; got"
FORM = "an argument must be KEY=VALUE, or with -m also KEY=V1,V2 or 'KEY=range(10)'; got"
QUOTE = "see `bnexp --help`, and quote what is special, as in KEY=\"'~/a b'\""
NONE = "must have a value; got none: give it one, or leave it out to take its default"
WORD = (
    "the first word must be KEY=VALUE, -m, or one of plan, report, confirm, show, ls, export, merge, check, data, "
    "new; got"
)
REPORT = "the command must be `bnexp report DIR [DIR ...] [compare=KEY] [margin=POINTS] [figure=paper] [out=FOLDER]`"
DATA = (
    "data must be one of breast_cancer, digits, emnist_balanced, emnist_letters, fashion_mnist, file, kmnist, mnist, "
    "qmnist, wine; got"
)
SETS = (
    "data must be one of mnist, fashion_mnist, kmnist, qmnist, emnist_balanced, emnist_letters, digits, wine, "
    "breast_cancer, file; got"
)
DATA_USAGE = "the command must be `bnexp data fetch|verify [data=NAME] [data.root=DIR | data.path=FILE ...]`; got"
NO_FILE = "data=file must be told which file by data.path; got none: data.path=FILE, see docs/data.md"
FORMS = "must be an .npz, a .csv, a .csv.gz, or IDX files of images and labels, whole and without pickles; got"
LAYOUTS = "see docs/data.md for what a file may hold"
STANDARDIZE = "data.standardize must be one of none, all, feature; got"
STORE = "a store must be a folder with results in runs/; found none in"
ACTIVATIONS = (
    "relu, leaky_relu, elu, selu, gelu, silu, tanh, sigmoid, softplus, identity, mish, hardswish, relu6, hardtanh, "
    "softsign, clip, shifted_tanh, steep_sigmoid, stretched_sigmoid, centred_sigmoid, centred_relu, absolute, sine, "
    "squared_relu, cube, leaky_half, folded_half, hardtanh_half, hardtanh_two"
)

MISTAKES: list[tuple[str, str | None]] = [
    ("placment=pre", f"{KEY} 'placment': did you mean placement?"),
    ("optimzer=adam", f"{KEY} 'optimzer': did you mean optimizer?"),
    ("--cfg job placment=pre", f"{KEY} 'placment': did you mean placement?"),
    ("rate=1", f"{KEY} 'rate'"),
    ("eps=1", f"{KEY} 'eps': did you mean optimizer.eps or norm.eps?"),
    ("+unknown=1", f"{KEY} 'unknown'"),
    ("+lr=1", "a + must stand only before a new key; got '+lr', which is known: leave out the +"),
    ("hydra.foo=1", "Hydra must know a key; got 'hydra.foo': `bnexp --cfg hydra` lists its keys"),
    ("placement=midle", "placement must be one of none, pre, post, both, input; got 'midle'"),
    ("activation=sigmoyd", f"activation must be one of {ACTIVATIONS}; got 'sigmoyd': did you mean sigmoid?"),
    ("activation=celu", f"activation must be one of {ACTIVATIONS}; got 'celu': it is elu"),
    ("optimizer.name=adan", "optimizer must be one of sgd, adam, adamw; got 'adan': did you mean adam?"),
    ("device=gpu", "device must be one of auto, cpu, cuda; got 'gpu': did you mean cpu?"),
    ("data=minst", f"{DATA} 'minst': did you mean mnist?"),
    (
        "data=null",
        "a group must be given the name of a choice, such as data=mnist; got a value of another kind (NoneType)",
    ),
    ("hydra/env=defalt", "hydra/env must be one of default; got 'defalt': did you mean default?"),
    ("lr=fast", "lr must be a number; got 'fast'"),
    ("lr=null", "lr must be a number; got null"),
    ("lr=0", "lr must be a finite number greater than 0; got 0.0"),
    ("seed=1.5", "seed must be a whole number; got 1.5"),
    ("report.figure=papers", "report.figure must be one of page, paper; got 'papers': did you mean paper?"),
    ("report=maybe", "report must be true or false; got 'maybe'"),
    ("hidden=100", "hidden must be a list of whole numbers such as [100,100]; got 100"),
    ("hidden=[a]", 'hidden must be a list of whole numbers such as [100,100]; got ["a"]'),
    ("hidden=[]", "hidden must be a list of at least one width, each at least 1, such as [100,100]; got []"),
    ("steps=many", "steps must be a whole number; got 'many'"),
    ("data.root=[]", "data.root must be a name; got []"),
    ("epochs=0", "epochs must be at least 1; got 0"),
    ("batch_size=1", "batch_size must be at least 2, because one example cannot be normalised; got 1"),
    (
        "data.train=61",
        "the last batch of an epoch must hold at least two examples, because one cannot be normalised; got 61 examples "
        "in batches of 60: take batch_size=59 or 61",
    ),
    ("optimizer.momentum=1", "optimizer.momentum must be at least 0 and less than 1; got 1.0"),
    ("norm.eps=-1", "norm.eps must be a finite number of at least 0; got -1.0"),
    ("lr=???", f"lr {NONE}"),
    ("~lr", f"lr {NONE}"),
    ("~norm.eps", f"norm.eps {NONE}"),
    (
        "'lr=${rate}'",
        "lr must have a value that can be worked out; got one that cannot (Interpolation key 'rate' not found)",
    ),
    ("workers=-1", "workers must be at least 0, which trains in this process; got -1"),
    ("workers=all", "workers must be a whole number; got 'all'"),
    ("engine.lanes=0", "engine.lanes must be at least 1; got 0"),
    ("engine=slurm", "engine must be one of local; got 'slurm'"),
    ("name=a/b", "name must be a plain folder name without slashes or a leading dot; got 'a/b'"),
    ("lr=0.1,1", f"{SWEEP} 'lr=0.1,1' without it: add -m"),
    ("'seed=range(3)'", f"{SWEEP} 'seed=range(3)' without it: add -m"),
    ("hidden=9,9", f"{SWEEP} 'hidden=9,9' without it: add -m, or write hidden=[9,9] for one list"),
    ("lr=[1,2", f"{FORM} 'lr=[1,2': {QUOTE}"),
    ("data.root=~/x", f"{FORM} 'data.root=~/x': {QUOTE}"),
    ("-m 'seed=rang(3)'", f"{FORM} 'seed=rang(3)' (Unknown function 'rang'): {QUOTE}"),
    ("-m lr", f"{FORM} 'lr': {QUOTE}"),
    (
        "-m 'lr=interval(0,1)'",
        "a sweep must be over values that can be listed; got 'lr=interval(0,1)': take range(...) or a list, or choose "
        "a sweeper that samples intervals by hydra/sweeper=NAME",
    ),
    ("-m 'seed=range(0)'", "a sweep must ask for at least one run; got 'seed=range(0)', which has no values"),
    ("-m 'data=glob(x*)'", "a sweep must ask for at least one run; got 'data=glob(x*)', which has no values"),
    ("-m lr=0.1,0.2,-1", "lr must be a finite number greater than 0; got -1.0"),
    ("-m 'seed=range(2999,-2,-1)'", "seed must be a whole number of at least 0; got -1"),
    ("-m lr=0.1 hydra.sweeper.max_batch_size=0", "hydra.sweeper.max_batch_size must be at least 1; got 0"),
    ("-m workers=1,2", "workers must be the same for all runs of a sweep; got 1 and 2: take one"),
    ("-m placement=pre,past", "placement must be one of none, pre, post, both, input; got 'past': did you mean post?"),
    ("-m data=mnist,minst", f"{DATA} 'minst': did you mean mnist?"),
    ("-m name=a,b", "name must be the same for all runs of a sweep; got 'a' and 'b': take one"),
    ("-m report=true,false", "report.draw must be the same for all runs of a sweep; got true and false: take one"),
    (
        "-m hydra.verbose=true,false",
        "Sweeping over Hydra's configuration is not supported : 'hydra.verbose=true,false'",
    ),
    ("--config-dir nowhere", "--config-dir must be a folder; got '{cwd}/nowhere'"),
    (
        "--config-name mine",
        "a configuration must be a YAML file of bnexp or in --config-dir; got 'mine', which is in neither",
    ),
    ("--sweep lr=1", "an option must be one that Hydra knows; got unrecognized arguments: --sweep: see `bnexp --help`"),
    ("--resolve lr=1", "The --resolve flag can only be used in conjunction with --cfg or --help"),
    ("lr=1 --run -c job", "Only one of --run, --multirun, --cfg, --info and --shell_completion can be specified"),
    ("repot outputs/x", f"{WORD} 'repot': did you mean report?"),
    ("placement", f"{WORD} 'placement': give it a value, placement=…"),
    ("nonsense", f"{WORD} 'nonsense': see `bnexp --help`"),
    ("report", f"{REPORT}; got `bnexp report`"),
    ("report compare=lr", f"{REPORT}; got no DIR"),
    ("report a metric=loss", f"{REPORT}; got 'metric=loss' in it"),
    ("report a figure=papers", "figure must be one of page, paper; got 'papers': did you mean paper?"),
    ("report a compare=", f"{REPORT}; got 'compare=' in it"),
    ("report a margin=none", "margin must be a number of percentage points above 0 and below 100; got 'none'"),
    ("report a margin=0", "margin must be a number of percentage points above 0 and below 100; got '0'"),
    ("report nowhere", f"{STORE} nowhere: train into it first"),
    ("report nowhere elsewhere", f"{STORE} nowhere: train into it first"),
    ("show", "the command must be `bnexp show RUN [DIR] [--json]`; got `bnexp show`"),
    ("show abc nowhere", f"{STORE} nowhere: train into it first"),
    (
        "show abc",
        "RUN must be the beginning of one run's id; got 'abc', with which none of the ids in outputs begin: `bnexp ls "
        "DIR` lists them",
    ),
    (
        "data",
        f"{DATA_USAGE} `bnexp data`",
    ),
    (
        "data fetch mnist",
        f"{DATA_USAGE} 'mnist' in it",
    ),
    ("data=file", NO_FILE),
    ("data=file data.path=", NO_FILE),
    ("data=file data.name=mine", f"{SETS} 'mine': did you mean wine?"),
    (
        "data=file data.path=nowhere.csv",
        "nowhere.csv must be a file that can be read; got 'No such file or directory': check data.path and data.test",
    ),
    (
        "-m data=file data.path=nowhere.npz placement=pre,post",
        "nowhere.npz must be a file that can be read; got 'No such file or directory': check data.path and data.test",
    ),
    ("data=file data.path=mine.xls", f"mine.xls {FORMS} a name that ends otherwise: {LAYOUTS}"),
    (
        "data=file data.path=x.npz data.name=mnist",
        "data.path must stand beside data=file; got data=mnist: add data=file, or leave it out",
    ),
    ("data.path=x.npz", "data.path must stand beside data=file; got data=mnist: add data=file, or leave it out"),
    (
        "data=digits data.label=1",
        "data.label must stand beside data=file; got data=digits: add data=file, or leave it out",
    ),
    ("data=file data.path=x.npz data.test=1.5", "data.test must be a file, or a share above 0 and below 1; got 1.5"),
    ("data=file data.path=x.npz data.test=0", "data.test must be a file, or a share above 0 and below 1; got 0"),
    ("data=file data.path=x.npz data.scale=0", "data.scale must be a finite number greater than 0; got 0"),
    ("data=file data.path=x.npz data.scale=big", "data.scale must be a number; got 'big'"),
    ("data=file data.path=x.npz data.transpose=maybe", "data.transpose must be true or false; got 'maybe'"),
    ("data=file data.path=x.npz data.digest=abc", "data.digest must be at least 8 hex digits of a digest; got 'abc'"),
    (
        "data fetch data=file",
        "data=file must be verified, because nobody publishes it; got fetch: `bnexp data verify data=file`",
    ),
    ("data verify data=file", NO_FILE),
    ("data verify data=mnist data.path=x", "data.path must stand beside data=file; got data=mnist: leave it out"),
    ("data verify data=file data.path=x.csv data.scale=big", "data.scale must be a number; got 'big'"),
    ("data verify data=minst", f"{SETS} 'minst': did you mean mnist?"),
]

FOLDER = "name must be a plain folder name without slashes or a leading dot; got"
ENDS = "name must not begin or end with a space or end with a dot; got"
CONTROL = "name must hold no control characters; got"
DEVICE = "name must not be that of a device under Windows; got"
POSITIVE = "must be a finite number greater than 0; got"
FRACTION = "must be at least 0 and less than 1; got"
MARGIN = "margin must be a number of percentage points above 0 and below 100; got"
LS = "the command must be `bnexp ls [DIR] [KEY=VALUE ...] [--json]`; got"
KINDS = "batch, mean, variance, layer, rms, ghost, frozen, population, weight"
LAYERS = "norm.layers must be one of all, first, last, odd, or a list of hidden layers from 1 to 3 such as [1]; got"
CHECK = "the command must be `bnexp check [--json]`; got"

MISTAKES += [
    # Names.
    ("name=", f"{FOLDER} ''"),
    ("name=.", f"{FOLDER} '.'"),
    ("name=..", f"{FOLDER} '..'"),
    ("name=.hidden", f"{FOLDER} '.hidden'"),
    ("name=/a", f"{FOLDER} '/a'"),
    ("name=../a", f"{FOLDER} '../a'"),
    (r"name=a\\b", rf"{FOLDER} 'a\b'"),
    ("name=a:b", f"{FOLDER} 'a:b'"),
    ("name=a*b", f"{FOLDER} 'a*b'"),
    ("name=a?", f"{FOLDER} 'a?'"),
    ("name=a|b", f"{FOLDER} 'a|b'"),
    ("-m name=a/b", f"{FOLDER} 'a/b'"),
    ("plan name=a/b", f"{FOLDER} 'a/b'"),
    ("name=a.", f"{ENDS} 'a.'"),
    ("name=a...", f"{ENDS} 'a...'"),
    ("\"name=' '\"", f"{ENDS} ' '"),
    ("\"name='   '\"", f"{ENDS} '   '"),
    ("\"name=' a'\"", f"{ENDS} ' a'"),
    ("\"name='a '\"", f"{ENDS} 'a '"),
    ("\"name='a\tb'\"", rf"{CONTROL} 'a\tb'"),
    ("\"name='a\nb'\"", rf"{CONTROL} 'a\nb'"),
    ("\"name='a\x07b'\"", rf"{CONTROL} 'a\x07b'"),
    ("\"name='\x1b[31mred'\"", rf"{CONTROL} '\x1b[31mred'"),
    ("\"name='a\x7f'\"", rf"{CONTROL} 'a\x7f'"),
    ("\"name='a\u202eb'\"", rf"{CONTROL} 'a\u202eb'"),
    ("\"name='a\u200bb'\"", rf"{CONTROL} 'a\u200bb'"),
    ("name=con", f"{DEVICE} 'con': take another one"),
    ("name=NUL", f"{DEVICE} 'NUL': take another one"),
    ("name=aux.txt", f"{DEVICE} 'aux.txt': take another one"),
    ("name=COM1", f"{DEVICE} 'COM1': take another one"),
    ("name=lpt9.a.b", f"{DEVICE} 'lpt9.a.b': take another one"),
    (f"name={'n' * 256}", f"name must be at most 255 bytes long; got 256 ('{'n' * 40}…')"),
    (f"name={'n' * 300}", f"name must be at most 255 bytes long; got 300 ('{'n' * 40}…')"),
    (f"name={'ü' * 128}", f"name must be at most 255 bytes long; got 256 ('{'ü' * 40}…')"),
    ("name=null", "name must be a name; got null"),
    ("name=[a]", 'name must be a name; got ["a"]'),
    ("name=~a", f"{FORM} 'name=~a': {QUOTE}"),
    ('"name=\'a"', f"{FORM} 'name='a': {QUOTE}"),
    ("name=a,b", f"{SWEEP} 'name=a,b' without it: add -m"),
    ("name=1,2", f"{SWEEP} 'name=1,2' without it: add -m"),
    ("-m name=1.0,1.00", "name must be the same for all runs of a sweep; got '1.0' and '1.00': take one"),
    ("-m outputs=a,b", "outputs must be the same for all runs of a sweep; got 'a' and 'b': take one"),
    ("outputs=[a]", 'outputs must be a name; got ["a"]'),
    # Ranges and types of every key of a run.
    ("lr=-1", f"lr {POSITIVE} -1.0"),
    ("lr=inf", f"lr {POSITIVE} inf"),
    ("lr=nan", f"lr {POSITIVE} nan"),
    ("lr=true", "lr must be a number; got true"),
    ("lr=[1]", "lr must be a number; got [1]"),
    ("lr=1e400", f"lr {POSITIVE} inf"),
    ("lr=", "lr must be a number; got ''"),
    ("lr=0.1.2", "lr must be a number; got '0.1.2'"),
    ("lr=1/3", "lr must be a number; got '1/3'"),
    ("seed=-1", "seed must be a whole number of at least 0; got -1"),
    ("seed=9223372036854775808", "seed must be below 2^63, the most that a store holds; got 9223372036854775808"),
    ("seed=zero", "seed must be a whole number; got 'zero'"),
    ("seed=null", "seed must be a whole number; got null"),
    ("seed=[1]", "seed must be a whole number; got [1]"),
    ("hidden=[0]", "hidden must be a list of at least one width, each at least 1, such as [100,100]; got [0]"),
    ("hidden=[10,-1]", "hidden must be a list of at least one width, each at least 1, such as [100,100]; got [10,-1]"),
    ("hidden=null", "hidden must be a list of whole numbers such as [100,100]; got null"),
    ("hidden=[1.5]", "hidden must be a list of whole numbers such as [100,100]; got [1.5]"),
    ("hidden=10x10", "hidden must be a list of whole numbers such as [100,100]; got '10x10'"),
    ("steps=0", "steps must be at least 1; got 0"),
    ("steps=-5", "steps must be at least 1; got -5"),
    ("steps=1.5", "steps must be a whole number; got 1.5"),
    ("epochs=-1", "epochs must be at least 1; got -1"),
    ("epochs=null", "epochs must be a whole number; got null"),
    ("evaluate=0", "evaluate must be at least 1; got 0"),
    ("evaluate=often", "evaluate must be a whole number; got 'often'"),
    ("batch_size=0", "batch_size must be at least 2, because one example cannot be normalised; got 0"),
    ("batch_size=-60", "batch_size must be at least 2, because one example cannot be normalised; got -60"),
    ("batch_size=many", "batch_size must be a whole number; got 'many'"),
    (
        "data.train=1",
        "data.train must be at least 2 and at most the 50000 examples of mnist that data.validation=10000 leaves; got "
        "1: "
        "take data.train=50000 or another data.validation",
    ),
    (
        "data.validation=0",
        "data.validation must be at least 1 and leave 2 of the 60000 examples in the training files of mnist; got 0: "
        "take "
        "data.validation=10000",
    ),
    ("data.standardize=perhaps", f"{STANDARDIZE} 'perhaps'"),
    ("data.name=minst", f"{SETS} 'minst': did you mean mnist?"),
    ("optimizer.momentum=-0.1", f"optimizer.momentum {FRACTION} -0.1"),
    ("optimizer.momentum=high", "optimizer.momentum must be a number; got 'high'"),
    ("optimizer.beta1=1", f"optimizer.beta1 {FRACTION} 1.0"),
    ("optimizer.beta2=-1", f"optimizer.beta2 {FRACTION} -1.0"),
    ("optimizer.eps=0", f"optimizer.eps {POSITIVE} 0.0"),
    ("optimizer.weight_decay=-1", "optimizer.weight_decay must be a finite number of at least 0; got -1.0"),
    ("optimizer.weight_decay=inf", "optimizer.weight_decay must be a finite number of at least 0; got inf"),
    ("optimizer.hidden_lr_scale=0", f"optimizer.hidden_lr_scale {POSITIVE} 0.0"),
    ("optimizer.nesterov=2.5", "optimizer.nesterov must be true or false; got 2.5"),
    ("optimizer.nesterov=2", "optimizer.nesterov must be true or false; got 2"),
    ("optimizer.decay_all=1", "optimizer.decay_all must be true or false; got 1"),
    ("data.standardize=0", f"{STANDARDIZE} 0"),
    ("save_weights=yes", "save_weights must be true or false; got 'yes'"),
    ("report=off", "report must be true or false; got 'off'"),
    ("report=null", "report must be true or false; got null"),
    ("report=[true]", "report must be true or false; got [true]"),
    ("report={a:1}", "report must be true or false; got {'a': 1}"),
    ("-m optimizer.nesterov=true,2", "optimizer.nesterov must be true or false; got 2"),
    ("optimizer=sgdd", "optimizer must be one of adam, adamw, sgd; got 'sgdd': did you mean sgd?"),
    ("schedule=linear", "schedule must be one of constant, cosine, step; got 'linear'"),
    ("schedule.warmup=-1", "schedule.warmup must be at least 0 steps; got -1"),
    ("schedule.every=0", "schedule.every must be at least 1 step; got 0"),
    ("schedule.factor=0", f"schedule.factor {POSITIVE} 0.0"),
    ("init.scheme=kaiming", "init.scheme must be one of torch, xavier, he, lecun, normal; got 'kaiming'"),
    ("init.gain=0", f"init.gain {POSITIVE} 0.0"),
    ("init.hidden_gain=-2", f"init.hidden_gain {POSITIVE} -2.0"),
    ("norm.eps=small", "norm.eps must be a number; got 'small'"),
    ("norm.momentum=1.5", "norm.momentum must be between 0 and 1; got 1.5"),
    ("norm.momentum=-0.5", "norm.momentum must be between 0 and 1; got -0.5"),
    ("norm.affine=all", "norm.affine must be one of both, gamma, beta, none; got 'all'"),
    ("norm.statistics=batch", "norm.statistics must be one of running, population; got 'batch'"),
    ("norm.kind=batchnorm", f"norm.kind must be one of {KINDS}; got 'batchnorm': did you mean batch?"),
    ("norm.gamma=0", f"norm.gamma {POSITIVE} 0.0"),
    ("norm.gamma=wide", "norm.gamma must be a number; got 'wide'"),
    ("norm.ghost=1", "norm.ghost must be at least 2, because one example cannot be normalised; got 1"),
    (
        "placement=pre norm.kind=ghost norm.ghost=61",
        "norm.ghost must not exceed batch_size=60, of which it is a part; got 61: take a smaller norm.ghost",
    ),
    (
        "placement=pre norm.kind=ghost norm.ghost=59",
        "the last part of a batch must hold at least two examples, because one cannot be normalised; got a batch of 60 "
        "in parts of 59: take another norm.ghost",
    ),
    ("norm.freeze=0", "norm.freeze must be at least 1 step; got 0"),
    ("norm.layers=[0]", f"{LAYERS} [0]"),
    ("norm.layers=[1,4]", f"{LAYERS} [1,4]"),
    ("norm.layers=[]", f"{LAYERS} []"),
    ("norm.layers=[1.5]", f"{LAYERS} [1.5]"),
    ("norm.layers=null", f"{LAYERS} null"),
    ("norm.layers=2", f"{LAYERS} 2"),
    ("norm.layers=lst", f"{LAYERS} 'lst': did you mean last?"),
    (
        "placement=post norm.kind=weight",
        "placement must be pre with norm.kind=weight, which normalizes the weights of a Linear and no output of an "
        "activation; got 'post': take placement=pre, or another norm.kind",
    ),
    (
        "placement=both norm.kind=weight",
        "placement must be pre with norm.kind=weight, which normalizes the weights of a Linear and no output of an "
        "activation; got 'both': take placement=pre, or another norm.kind",
    ),
    (
        "-m placement=pre,input norm.kind=layer",
        "norm.kind must be batch with placement=input, which normalizes the inputs by the batch; got 'layer': take "
        "norm.kind=batch, or placement=pre or post",
    ),
    ("dtype=float16", "dtype must be one of float32, float64; got 'float16': did you mean float64?"),
    ("probes=all", "probes must be one of none, basic, full; got 'all'"),
    ("save_weights=maybe", "save_weights must be true or false; got 'maybe'"),
    ("workers=1.5", "workers must be a whole number; got 1.5"),
    ("engine.lanes=-1", "engine.lanes must be at least 1; got -1"),
    ("placement=null", "placement must be one of none, pre, post, both, input; got null: did you mean none?"),
    ("placement=[pre]", 'placement must be one of none, pre, post, both, input; got ["pre"]: did you mean pre?'),
    ("activation=Relu", f"activation must be one of {ACTIVATIONS}; got 'Relu': did you mean relu?"),
    # Keys, groups, studies, options.
    ("study=placment", None),
    (
        "study=affine study=depth",
        "a command must ask for one study; got study=affine study=depth: run them one after another",
    ),
    ("study=affine,depth", "a command must ask for one study; got study=affine,depth: run them one after another"),
    ("norm={ep:1}", None),
    ("~data", f"data {NONE}"),
    ("++unknown=1", f"{KEY} 'unknown'"),
    ("LR=1", f"{KEY} 'LR': did you mean lr?"),
    ("learning_rate=1", f"{KEY} 'learning_rate'"),
    ("momentum=0.9", f"{KEY} 'momentum': did you mean optimizer.momentum or norm.momentum?"),
    ("=1", None),
    ("lr==1", None),
    (
        "--experimental-rerun x.pickle",
        "--experimental-rerun must be left out: it reads a pickle, and bnexp never reads one",
    ),
    ("-x", "an option must be one that Hydra knows; got unrecognized arguments: -x: see `bnexp --help`"),
    (
        "-m 'norm={eps:0.1}' 'norm={momentum:0.5}' seed=0,1",
        "a key must be given one dictionary in a sweep; got norm={eps:0.1} and norm={momentum:0.5}",
    ),
    ("-m lr=1,", None),
    ("-m 'lr=range(1,2,0)'", None),
    ("-m 'lr=choice()'", None),
    ("hydra/launcher=nowhere", None),
    ("hydra/sweeper=nowhere", None),
    ("-m hydra/launcher=submitit_local seed=0,1", None),
    # Subcommands.
    ("ls nowhere", f"{STORE} nowhere: train into it first"),
    ("ls a b", f"{LS} 2 folders"),
    ("ls lr=1", f"{LS} 0 folders"),
    ("ls --all", f"{LS} `bnexp ls --all`"),
    ("show abc --all", "the command must be `bnexp show RUN [DIR] [--json]`; got `bnexp show abc --all`"),
    ("show a b c", "the command must be `bnexp show RUN [DIR] [--json]`; got `bnexp show a b c`"),
    ("show --json", "the command must be `bnexp show RUN [DIR] [--json]`; got `bnexp show --json`"),
    ("check now", f"{CHECK} `bnexp check now`"),
    ("check --jsn", f"{CHECK} `bnexp check --jsn`"),
    (
        "data get",
        f"{DATA_USAGE} `bnexp data get`",
    ),
    ("data fetch data=", None),
    ("data fetch root=x", None),
    ("report a margin=100", f"{MARGIN} '100'"),
    ("report a margin=-1", f"{MARGIN} '-1'"),
    ("report a margin=nan", f"{MARGIN} 'nan'"),
    ("report a margin=", f"{MARGIN} ''"),
    ("report --all x", f"{REPORT}; got `bnexp report --all x`"),
    ("plan nonsense", None),
    ("plan placment=pre", f"{KEY} 'placment': did you mean placement?"),
    ("plan lr=0", f"lr {POSITIVE} 0.0"),
    (
        "plan --jsn lr=1",
        "an option must be one that Hydra knows; got unrecognized arguments: --jsn: see `bnexp --help`",
    ),
    ("Plan lr=1", f"{WORD} 'Plan': did you mean plan?"),
    ("lst", f"{WORD} 'lst': did you mean ls?"),
    ("train lr=1", None),
    ("' '", f"{WORD} ' ': see `bnexp --help`"),
    ("''", f"{WORD} '': see `bnexp --help`"),
]
"""What is typed in an empty folder, and the sentence; None where it is Hydra's own, which may be worded otherwise."""
