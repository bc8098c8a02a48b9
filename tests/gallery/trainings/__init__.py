"""Real trainings, sick and healthy, each as somebody would have written it."""
