//! Contrastive losses: vectors that belong together lie closer than those that do not.
//!
//! InfoNCE (van den Oord et al. 2018, arXiv:1807.03748) both ways, as CLIP has it (Radford et al. 2021, arXiv:2103.00020), with several
//! right answers where a batch holds several (Khosla et al. 2020, arXiv:2004.11362: the mean of the logarithms, outside). Rows are unit
//! vectors, the temperature divides their cosines.

use crate::GanError;
use crate::error::{check_same_batch, check_shape};
use tch::{Kind, Tensor};

/// Mean over both directions: row i of `queries [batch, dim]` belongs with row i of `keys [batch, dim]` and with no other. Below the
/// logarithm of the batch size, vectors tell something.
///
/// # Errors
/// Tensors of other shapes.
pub fn info_nce(queries: &Tensor, keys: &Tensor, temperature: f64) -> Result<Tensor, GanError> {
    let n = queries.size()[0];
    let labels = Tensor::arange(n, (Kind::Int64, queries.device()));
    grouped_info_nce(queries, keys, &labels, temperature)
}

/// As [`info_nce`], but every pair of rows with equal `labels` (whole numbers `[batch]`) belongs together.
///
/// # Errors
/// Tensors of other shapes.
pub fn grouped_info_nce(
    queries: &Tensor,
    keys: &Tensor,
    labels: &Tensor,
    temperature: f64,
) -> Result<Tensor, GanError> {
    let size = queries.size();
    check_shape("keys", keys, &size[1..])?;
    check_same_batch("keys", keys, size[0])?;
    check_shape("labels", labels, &[])?;
    check_same_batch("labels", labels, size[0])?;
    let together = labels
        .unsqueeze(0)
        .eq_tensor(&labels.unsqueeze(1))
        .to_kind(Kind::Float);
    let shares = &together / together.sum_dim_intlist([1_i64].as_slice(), true, Kind::Float);
    let logits = cosines(queries, keys)? / temperature;
    let toward = |logits: &Tensor| {
        let surprise = -(logits.log_softmax(1, Kind::Float) * &shares);
        surprise.sum(Kind::Float) / size[0] as f64
    };
    Ok((toward(&logits) + toward(&logits.transpose(0, 1))) * 0.5)
}

/// How surely row i of `drawn [batch, dim]` is told from its rivals among `others [n, dim]` (where `rivals [batch, n]` is true), its own
/// being row i of `wanted [batch, dim]`: the mean of InfoNCE one way, against a memory bank (Wu et al. 2018, arXiv:1805.01978).
/// 0 where a row has no rival.
///
/// # Errors
/// Tensors of other shapes.
pub fn among_others(
    [drawn, wanted]: [&Tensor; 2],
    others: &Tensor,
    rivals: &Tensor,
    temperature: f64,
) -> Result<Tensor, GanError> {
    let size = drawn.size();
    check_shape("wanted", wanted, &size[1..])?;
    check_same_batch("wanted", wanted, size[0])?;
    check_shape("others", others, &size[1..])?;
    check_shape("rivals", rivals, &others.size()[..1])?;
    check_same_batch("rivals", rivals, size[0])?;
    let products = drawn.to_kind(Kind::Float) * wanted;
    let own = products.sum_dim_intlist([1_i64].as_slice(), true, Kind::Float);
    let theirs = cosines(drawn, others)?;
    let theirs = theirs.masked_fill(&rivals.logical_not(), f64::NEG_INFINITY);
    let logits = Tensor::cat(&[own, theirs], 1) / temperature;
    Ok(-(logits.log_softmax(1, Kind::Float).select(1, 0)).mean(Kind::Float))
}

/// Cross-entropy of `labels [batch]` (whole numbers) under the cosines of `vectors [batch, dim]` with `anchors [classes, dim]`.
///
/// # Errors
/// Tensors of other shapes.
pub fn anchored(
    vectors: &Tensor,
    anchors: &Tensor,
    labels: &Tensor,
    temperature: f64,
) -> Result<Tensor, GanError> {
    check_shape("anchors", anchors, &vectors.size()[1..])?;
    check_shape("labels", labels, &[])?;
    check_same_batch("labels", labels, vectors.size()[0])?;
    let logits = cosines(vectors, anchors)? / temperature;
    Ok(logits.cross_entropy_for_logits(labels))
}

/// Of unit rows `[n, dim]` and `[m, dim]`: `[n, m]`, in `f32` in the middle of a pass in bf16, too, whose 8 bits a small temperature would
/// blow up.
fn cosines(rows: &Tensor, others: &Tensor) -> Result<Tensor, GanError> {
    let (rows, others) = (rows.to_kind(Kind::Float), others.to_kind(Kind::Float));
    let product = || rows.matmul(&others.transpose(0, 1));
    Ok(idiom_torch_ext::in_own_digits(rows.device(), product)?)
}
