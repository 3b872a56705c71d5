"""What a strategy's probabilities are worth, beyond which class they put first.

calibration.py          whether a confidence of 70 % is right 70 times in 100
temperature.py          one factor that corrects it, fitted on other speakers
prediction_sets.py      several emotions in place of one, so that the right one is among them 90 times in 100
abstention.py           how accurate the surest answers are
figures.py              all of these, of every strategy
"""
