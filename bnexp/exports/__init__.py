"""Stores in the forms that other programs read; a store is only read here.

`weights` gives a run as a module of torch; `csv_files` writes tables, `event_files` what TensorBoard shows,
`mlflow_runs` what MLflow does and `wandb_runs` what Weights & Biases does, each with a function `write_files`. `arms`
names what is compared and says when it was trained, `scalars` names the numbers.
"""
