"""How good the answers are: judged queries, runs of systems over them, measures, the choice of settings."""
