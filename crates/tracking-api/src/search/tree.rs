//! What a filter and an ordering are once they are read.

/// Which things a search lets through.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of these hold; nothing to hold lets everything through.
    All(Vec<Filter>),
    /// At least one of these holds.
    Any(Vec<Filter>),
    /// This holds.
    Compare(Comparison),
}

/// One comparison. The operator fits the field, and the value the operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What is compared.
    pub field: Field,
    /// How.
    pub operator: Operator,
    /// With what.
    pub value: Value,
}

/// Something a run or an experiment has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What kind of thing.
    pub entity: Entity,
    /// Its key; of an attribute and a data set, one of the known names.
    pub key: String,
}

/// The kinds of things that can be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entity {
    /// The latest value of a metric.
    Metric,
    /// A param.
    Param,
    /// A tag.
    Tag,
    /// What the run or experiment itself is.
    Attribute,
    /// A data set the run was given.
    Dataset,
}

/// How things are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `LIKE`: `%` is any text, `_` any character.
    Like,
    /// `ILIKE`: the same, large and small letters alike.
    ILike,
    /// `IN`
    In,
    /// `NOT IN`
    NotIn,
    /// `IS NULL`
    IsNull,
    /// `IS NOT NULL`
    IsNotNull,
}

impl Operator {
    /// How it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Like => "LIKE",
            Self::ILike => "ILIKE",
            Self::In => "IN",
            Self::NotIn => "NOT IN",
            Self::IsNull => "IS NULL",
            Self::IsNotNull => "IS NOT NULL",
        }
    }
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number, for metrics and times.
    Number(f64),
    /// A text, or the pattern of `LIKE`.
    Text(String),
    /// The texts of `IN`.
    List(Vec<String>),
    /// Nothing, for `IS NULL`.
    Nothing,
}

/// What comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub field: Field,
    /// Which way.
    pub direction: Direction,
}

/// Which way things are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}
