"""How long an answer takes on one machine, by stage: a side output that nothing depends on."""
