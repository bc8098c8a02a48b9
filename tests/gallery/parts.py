"""Layers and models with a step of their own, of which more than one training is made."""

import keras
import tensorflow as tf
from keras import layers, ops


def encoder(tokens: object, width: int, heads: int, hidden: int) -> object:
    """Return a block of a transformer, normalised after each half."""
    seen = layers.MultiHeadAttention(heads, width // heads)(tokens, tokens)
    tokens = layers.LayerNormalization()(layers.Add()([tokens, seen]))
    forward = layers.Dense(width)(layers.Dense(hidden, activation="gelu")(tokens))
    return layers.LayerNormalization()(layers.Add()([tokens, forward]))


class Places(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Adds a trained vector for each place to that of the word."""

    def __init__(self, length, words, width):
        super().__init__()
        self.words = layers.Embedding(words, width)
        self.places = layers.Embedding(length, width)

    def call(self, tokens):
        return self.words(tokens) + self.places(ops.arange(tokens.shape[-1]))


class Sampling(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Draws from a normal distribution, and adds its divergence from the standard one."""

    def __init__(self, weight):
        super().__init__()
        self.weight = weight
        self.dice = keras.random.SeedGenerator(7)

    def call(self, both):
        mean, log_var = both
        divergence = -0.5 * ops.sum(1 + log_var - mean**2 - ops.exp(log_var), axis=-1)
        self.add_loss(self.weight * ops.mean(divergence))
        return mean + ops.exp(log_var / 2) * keras.random.normal(ops.shape(mean), seed=self.dice)


class Variational(keras.Model):  # type: ignore[misc]  # Keras has no types
    """The variational autoencoder of Keras's examples, with a train step of its own."""

    def __init__(self, features, code, weight):
        super().__init__()
        self.weight = weight
        self.encoder = keras.Sequential([layers.Dense(24, "relu"), layers.Dense(2 * code)])
        self.decoder = keras.Sequential([layers.Dense(24, "relu"), layers.Dense(features)])
        self.trackers = {n: keras.metrics.Mean(n) for n in ("loss", "reconstruction_loss", "kl")}

    @property
    def metrics(self):
        return [*self.trackers.values()]

    def train_step(self, data):
        with tf.GradientTape() as tape:
            mean, log_var = tf.split(self.encoder(data), 2, axis=-1)
            code = mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))
            error = tf.reduce_mean(tf.reduce_sum((data - self.decoder(code)) ** 2, -1))
            apart = -0.5 * tf.reduce_mean(
                tf.reduce_sum(1 + log_var - tf.square(mean) - tf.exp(log_var), -1)
            )
            loss = error + self.weight * apart
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        for tracker, value in zip(self.trackers.values(), (loss, error, apart), strict=True):
            tracker.update_state(value)
        return {name: tracker.result() for name, tracker in self.trackers.items()}


class Adversaries(keras.Model):  # type: ignore[misc]  # Keras has no types
    """A generator and a discriminator, each with its own optimizer."""

    def __init__(self, generator, discriminator):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.dice = keras.random.SeedGenerator(11)
        self.entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    def compile(self, generator, discriminator):
        super().compile()
        self.g_optimizer, self.d_optimizer = generator, discriminator

    def train_step(self, real):
        shape = (tf.shape(real)[0], self.generator.input_shape[-1])
        noise = keras.random.normal(shape, seed=self.dice)
        with tf.GradientTape(persistent=True) as tape:
            fakes = self.discriminator(self.generator(noise))
            reals = self.discriminator(real)
            ones, noughts = tf.ones_like(reals), tf.zeros_like(reals)
            d_loss = self.entropy(ones, reals) + self.entropy(noughts, fakes)
            g_loss = self.entropy(ones, fakes)
        d, g = self.discriminator.trainable_variables, self.generator.trainable_variables
        self.d_optimizer.apply_gradients(zip(tape.gradient(d_loss, d), d, strict=True))
        self.improve_generator(zip(tape.gradient(g_loss, g), g, strict=True))
        return {"d_loss": d_loss, "g_loss": g_loss}

    def improve_generator(self, gradients):
        self.g_optimizer.apply_gradients(gradients)


def players(features: int) -> tuple[keras.Sequential, keras.Sequential]:
    """Return a small generator of four random numbers, and a small discriminator."""
    generator = keras.Sequential(
        [layers.Input((4,)), layers.Dense(24, "relu"), layers.Dense(features)]
    )
    leaky = [layers.Dense(24), layers.LeakyReLU(negative_slope=0.2)]
    discriminator = keras.Sequential([layers.Input((features,)), *leaky, layers.Dense(1)])
    return generator, discriminator
