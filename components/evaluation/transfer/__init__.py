"""How far a model of one corpus carries to another: experiments that train here and test there, as one matrix."""
