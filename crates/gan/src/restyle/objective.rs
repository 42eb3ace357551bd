//! What the restyling networks play for, term by term.
//!
//! The discriminator: real patches above drawn ones in pairs (relativistic, arXiv:1807.00734), real ones in their own style above the
//! same in another's, agreement of real pictures with the words of their style. The generator: the same pairs the other way,
//! agreement, and distances in the features of a frozen picture encoder that learnt styles and subjects from pairs. Where a subject
//! exists in the wanted style, that drawing is the target, compared by features, moments and pooled colours: pairs share the
//! subject, not the pixels, and a distance of pixels turns line art grey. Where none exists, the terms that need one are left out.

use crate::losses::contrastive::grouped_info_nce;
use crate::picture_encoder::Encoded;
use crate::restyle::{RestyleDiscriminator, Restyled};
use crate::{Discriminator, GanError};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// Cells a side to which pictures are pooled for the colour term.
const COLOUR_SIDE: i64 = 8;

/// How much each term of the generator's loss counts; 0 leaves it out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct RestyleWeights {
    /// The game with the discriminator.
    pub adversarial: f64,
    /// The game with a second discriminator, over the frozen encoder's maps: a loss that is handed in.
    pub projected: f64,
    /// Agreement with the words, as the discriminator sees it.
    pub agreement: f64,
    /// Agreement with the words, as the frozen encoder sees it.
    pub style: f64,
    /// Distance of the channels' moments to the target's.
    pub moments: f64,
    /// The same where the target is any drawing in the wanted style: the style loss of AdaIN (arXiv:1703.06868).
    pub style_moments: f64,
    /// One minus the cosine of the subject's vector with the target's, or with the source's where there is no target.
    pub content: f64,
    /// Telling the subject's vector from those of others: a loss that is handed in, since it knows more pictures than the batch has.
    pub subject: f64,
    /// Distance of the encoder's two coarsest stages to the target's.
    pub features: f64,
    /// Distance to the target, both pooled to 8x8.
    pub pooled_colour: f64,
    /// Distance to the target, pixel by pixel: what a paired L1 baseline plays for.
    pub pixels: f64,
    /// Distance to the source where its own style is asked for.
    pub identity: f64,
    /// Sum of differences between neighbours.
    pub total_variation: f64,
}

/// What both networks play for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct RestyleObjective {
    /// The generator's terms.
    pub weights: RestyleWeights,
    /// Weight of real pictures scored in another style, in the discriminator's loss.
    pub mismatch: f64,
    /// Divides the cosines of both agreement terms.
    pub temperature: f64,
}

/// One batch as the two networks see it; all pictures `[batch, 3, side, side]` in `[-1, 1]`.
#[derive(Debug)]
pub struct RestyleBatch<'a> {
    /// What is to be restyled.
    pub source: &'a Tensor,
    /// The same subject in the wanted style, where there is one; else anything of that style.
    pub target: &'a Tensor,
    /// Whether `target` shows the same subject: 1 or 0, `[batch]`.
    pub is_paired: &'a Tensor,
    /// Whether the wanted style is the source's own: 1 or 0, `[batch]`.
    pub is_own: &'a Tensor,
    /// Real pictures in the wanted styles, for the discriminator.
    pub real: &'a Tensor,
    /// The wanted styles `[batch, style_dim]`, unit variance per entry.
    pub style: &'a Tensor,
    /// The wanted styles by number, `[batch]`; equal numbers are the same style.
    pub labels: &'a Tensor,
}

/// The discriminator's loss and what to log of it, detached.
#[derive(Debug)]
pub struct DiscriminatorFigures {
    /// To differentiate.
    pub loss: Tensor,
    /// The adversarial part.
    pub adversarial: Tensor,
    /// The agreement part.
    pub agreement: Tensor,
    /// The penalty before its weight.
    pub penalty: Option<Tensor>,
    /// Scores of the real pictures, `[batch, cells]` a scale.
    pub real: Restyled,
    /// Scores of the drawn ones.
    pub fake: Restyled,
}

/// The generator's loss and its terms before their weights, detached, by name.
#[derive(Debug)]
pub struct GeneratorFigures {
    /// To differentiate.
    pub loss: Tensor,
    /// For the log.
    pub terms: Vec<(&'static str, Tensor)>,
}

/// The discriminator's loss: `fake` is cut off from the generator here; `penalty_weight` is `None` on steps without the penalty
/// (the squared gradient at real and drawn pictures, R1 + R2, arXiv:2501.05441).
///
/// # Errors
/// Tensors of other shapes.
pub fn discriminator_loss(
    discriminator: &RestyleDiscriminator,
    objective: &RestyleObjective,
    batch: &RestyleBatch<'_>,
    fake: &Tensor,
    penalty_weight: Option<f64>,
) -> Result<DiscriminatorFigures, GanError> {
    let n = batch.real.size()[0];
    let pictures = Tensor::cat(&[batch.real, &fake.detach()], 0)
        .detach()
        .set_requires_grad(penalty_weight.is_some());
    let judged = discriminator.features(&pictures)?;
    let scores = discriminator.score(&judged, &Tensor::cat(&[batch.style, batch.style], 0))?;
    let (real, fake) = (scores.rows(0, n), scores.rows(n, n));
    let adversarial = game(objective, batch, [&real, &fake], |others| {
        let styles = Tensor::cat(&[others, batch.style], 0);
        Ok(discriminator.score(&judged, &styles)?.rows(0, n))
    })?;
    let seen = discriminator.agreement(&judged).narrow(0, 0, n);
    let wanted = unit_rows(batch.style);
    let agreement = grouped_info_nce(&seen, &wanted, batch.labels, objective.temperature)?;
    let penalty = penalty_weight.map(|_| {
        let score = scores.penalised().sum(Kind::Float);
        let gradient = Tensor::run_backward(&[score], &[&pictures], true, true);
        gradient[0].square().sum(Kind::Float) / n as f64
    });
    let weight = penalty_weight.unwrap_or(0.0);
    let base = &adversarial + &agreement;
    let loss = match &penalty {
        Some(penalty) => base + penalty * (weight * 0.5),
        None => base,
    };
    Ok(DiscriminatorFigures {
        loss,
        adversarial: adversarial.detach(),
        agreement: agreement.detach(),
        penalty: penalty.map(|penalty| penalty.detach()),
        real: real.detached(),
        fake: fake.detached(),
    })
}

/// The adversarial part of a discriminator's loss: real pictures above drawn ones, and above themselves in the style of the next one in the
/// batch, which `mismatched` scores.
fn game(
    objective: &RestyleObjective,
    batch: &RestyleBatch<'_>,
    [real, fake]: [&Restyled; 2],
    mismatched: impl FnOnce(&Tensor) -> Result<Restyled, GanError>,
) -> Result<Tensor, GanError> {
    let game = pairs(fake, real);
    if objective.mismatch == 0.0 {
        return Ok(game);
    }
    let (others, is_other) = other_styles(batch.style, batch.labels);
    Ok(game + weighed_pairs(&mismatched(&others)?, real, &is_other) * objective.mismatch)
}

/// The same game by a discriminator over maps `[batch, channels, side, side]` that the frozen encoder makes of the real pictures and of the drawn
/// ones (Sauer et al. 2021, arXiv:2111.01007), which are cut off from the generator here: its loss, and its scores without a graph.
///
/// # Errors
/// Tensors of other shapes, or a batch that is no multiple of 4.
pub fn projected_discriminator_loss(
    judge: &Discriminator,
    objective: &RestyleObjective,
    batch: &RestyleBatch<'_>,
    [real, fake]: [&Tensor; 2],
) -> Result<(Tensor, [Restyled; 2]), GanError> {
    let n = real.size()[0];
    let judged = judge.features(&Tensor::cat(&[real, fake], 0).detach())?;
    let judged = [0, n].map(|first| judged.narrow(0, first, n));
    let [real, fake] = [
        whole(judge, &judged[0], batch.style)?,
        whole(judge, &judged[1], batch.style)?,
    ];
    let loss = game(objective, batch, [&real, &fake], |others| {
        whole(judge, &judged[0], others)
    })?;
    Ok((loss, [real.detached(), fake.detached()]))
}

/// The generator's part of it, for [`Views::projected`]: `fake` are the maps of what it drew, with their graph, `real` the scores of the real ones.
///
/// # Errors
/// As [`projected_discriminator_loss`].
pub fn projected_generator_loss(
    judge: &Discriminator,
    style: &Tensor,
    fake: &Tensor,
    real: &Restyled,
) -> Result<Tensor, GanError> {
    let scores = whole(judge, &judge.features(fake)?, style)?;
    Ok(pairs(real, &scores))
}

/// Scores of whole pictures, as of one cell each.
fn whole(judge: &Discriminator, features: &Tensor, style: &Tensor) -> Result<Restyled, GanError> {
    let scores = judge.score(features, style)?;
    Ok(Restyled {
        cells: vec![scores.unsqueeze(1)],
    })
}

/// The generator's loss on what it drew, as it is and as the discriminator sees it (augmented); `drawn` and `target` are the frozen encoder's view of the drawn pictures (with their graph) and
/// of the targets (without), `real` the discriminator's scores of real pictures just before it moved.
///
/// # Errors
/// Tensors of other shapes.
pub fn generator_loss(
    discriminator: &RestyleDiscriminator,
    objective: &RestyleObjective,
    batch: &RestyleBatch<'_>,
    [fake, fake_seen]: [&Tensor; 2],
    views: &Views<'_>,
) -> Result<GeneratorFigures, GanError> {
    let judged = discriminator.features(fake_seen)?;
    let scores = discriminator.score(&judged, batch.style)?;
    let wanted = unit_rows(batch.style);
    let (tau, weights) = (objective.temperature, &objective.weights);
    let agreement = discriminator.agreement(&judged);
    let agreement = grouped_info_nce(&agreement, &wanted, batch.labels, tau)?;
    let style = grouped_info_nce(&views.drawn.style, &wanted, batch.labels, tau)?;
    let subject = views.wanted_subject(batch.is_paired);
    let cosine =
        (&views.drawn.subject * subject).sum_dim_intlist([1_i64].as_slice(), false, Kind::Float);
    let moments = (views.drawn.moments() - views.target.moments()).abs();
    let terms = [
        (
            "adversarial",
            weights.adversarial,
            pairs(views.real, &scores),
        ),
        ("agreement", weights.agreement, agreement),
        ("style", weights.style, style),
        (
            "moments",
            weights.moments,
            masked_mean(&moments, batch.is_paired),
        ),
        (
            "style_moments",
            weights.style_moments,
            moments.mean(Kind::Float),
        ),
        (
            "content",
            weights.content,
            (1.0_f64 - cosine).mean(Kind::Float),
        ),
        (
            "features",
            weights.features,
            masked_mean(&views.drawn.distance(views.target), batch.is_paired),
        ),
        ("pooled_colour", weights.pooled_colour, pooled(fake, batch)),
        (
            "pixels",
            weights.pixels,
            masked_mean(&(fake - batch.target).abs(), batch.is_paired),
        ),
        (
            "identity",
            weights.identity,
            masked_mean(&(fake - batch.source).abs(), batch.is_own),
        ),
        (
            "total_variation",
            weights.total_variation,
            total_variation(fake),
        ),
    ];
    let handed_in = [
        ("subject", weights.subject, views.found),
        ("projected", weights.projected, views.projected),
    ];
    let handed_in = (handed_in.into_iter())
        .filter_map(|(name, weight, term)| Some((name, weight, term?.shallow_clone())));
    let terms: Vec<_> = terms.into_iter().chain(handed_in).collect();
    let loss = (terms.iter().filter(|(_, weight, _)| *weight > 0.0))
        .map(|(_, weight, term)| term * *weight)
        .sum();
    Ok(GeneratorFigures {
        loss,
        terms: (terms.iter().map(|(name, _, term)| (*name, term.detach()))).collect(),
    })
}

/// What the frozen encoder and the discriminator say of a batch.
#[derive(Debug)]
pub struct Views<'a> {
    /// The encoder's view of the drawn pictures, with their graph.
    pub drawn: &'a Encoded,
    /// Of the targets.
    pub target: &'a Encoded,
    /// Of the sources.
    pub source: &'a Encoded,
    /// The discriminator's scores of the real pictures.
    pub real: &'a Restyled,
    /// How surely the drawn pictures' subjects are told from others, where that is asked for: a loss, with its graph.
    pub found: Option<&'a Tensor>,
    /// What a discriminator over the encoder's maps makes of them, where there is one: a loss, with its graph.
    pub projected: Option<&'a Tensor>,
}

impl Views<'_> {
    /// The subject's vector that each drawn picture is to have: the target's where `is_paired [batch]` is 1, else the source's.
    pub fn wanted_subject(&self, is_paired: &Tensor) -> Tensor {
        choose(is_paired, &self.target.subject, &self.source.subject)
    }
}

/// `softplus(low - high)`, the mean over cells, then over scales.
fn pairs(low: &Restyled, high: &Restyled) -> Tensor {
    let scales = low.cells.iter().zip(&high.cells);
    let means = scales.map(|(low, high)| (low - high).softplus().mean(Kind::Float));
    means.sum::<Tensor>() / low.cells.len() as f64
}

/// As [`pairs`], over the pictures whose `weights [batch]` are 1 only.
fn weighed_pairs(low: &Restyled, high: &Restyled, weights: &Tensor) -> Tensor {
    let scales = low.cells.iter().zip(&high.cells);
    let means = scales.map(|(low, high)| masked_mean(&(low - high).softplus(), weights));
    means.sum::<Tensor>() / low.cells.len() as f64
}

/// For each picture the style of the next one in the batch, and whether that is another style: `[batch, style_dim]`, `[batch]`.
fn other_styles(style: &Tensor, labels: &Tensor) -> (Tensor, Tensor) {
    let is_other = labels
        .roll(1, 0)
        .not_equal_tensor(labels)
        .to_kind(Kind::Float);
    (style.roll(1, 0), is_other)
}

/// Rows of `yes` where `mask [batch]` is 1, of `no` where it is 0.
fn choose(mask: &Tensor, yes: &Tensor, no: &Tensor) -> Tensor {
    let mask = mask.view([-1, 1]);
    yes * &mask + no * (1.0 - mask)
}

/// The mean over the rows whose `mask [batch]` is 1; 0 where there are none.
fn masked_mean(values: &Tensor, mask: &Tensor) -> Tensor {
    let rows = values
        .flatten(1, -1)
        .mean_dim([1_i64].as_slice(), false, Kind::Float);
    (rows * mask).sum(Kind::Float) / mask.sum(Kind::Float).clamp_min(1.0)
}

fn pooled(fake: &Tensor, batch: &RestyleBatch<'_>) -> Tensor {
    let pool = |pictures: &Tensor| pictures.adaptive_avg_pool2d([COLOUR_SIDE, COLOUR_SIDE]);
    masked_mean(&(pool(fake) - pool(batch.target)).abs(), batch.is_paired)
}

fn total_variation(pictures: &Tensor) -> Tensor {
    let (height, width) = (pictures.size()[2], pictures.size()[3]);
    let down = pictures.narrow(2, 1, height - 1) - pictures.narrow(2, 0, height - 1);
    let right = pictures.narrow(3, 1, width - 1) - pictures.narrow(3, 0, width - 1);
    down.abs().mean(Kind::Float) + right.abs().mean(Kind::Float)
}

fn unit_rows(style: &Tensor) -> Tensor {
    crate::picture_encoder::unit(style).detach()
}
