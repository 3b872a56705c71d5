"""What passes between stages: each file's path, columns or fields, and schema version, in one place.

A module for each stage's outputs. Stages read and write through these; the other rooms get the objects.
"""
