"""Suite and target files: YAML -> validated specs, every mistake with its line. Sends nothing.

    read      the entry points `read_suite` and `read_target`
    files     finds, opens and decodes files, and merges includes
    document  YAML text -> a tree with positions, under limits
    scalar    the value of one YAML scalar, variables, secret-looking values
    override  merging trees, and `--set`
    spec      the suite file as types
    schema    the JSON Schema, for editors and for hints
    reference  docs/suite.md and docs/target.md, from the schema
    examples  what the reference shows of each field
    starter   a first suite and target, for `evalrun init`
    validate  a tree -> a spec, or every mistake
    check     a suite against its targets: names, prices, keys

The data of a task is read by `data`; the specs of targets and scorers are in `targets.spec` and `score.spec`.
"""
