"""Pretraining: an encoder from nothing, by looking over a better one's shoulder.

    config      what is trained, on what, for how long
    pictures    which pictures there are, and which words their captions hold
    crops       where a picture is cut, the same each time it is asked
    teacher     crop → what EfficientNet-Lite makes of it
    targets     crops and what the teacher made of them, on disk, computed once
    student     crop → ResNet of any width, Keras's ResNet50 at its usual one
    losses      how far the student is from the teacher, and from the words
    distiller   teacher, student and losses as one Keras model that learns
    figures     how good the student is on pictures that it does not learn from
    batches     which crops the student sees in which step, and how they are changed
    material    pictures, words and targets together
    state       a killed run goes on to the same end
    run_folder  its files, and what may not happen to them
    learning    one step, one pass, all rounds
    loop        config → run folder with encoder.safetensors

Keras 3 throughout and no line of any one backend: KERAS_BACKEND=jax or torch runs it as is.
"""
