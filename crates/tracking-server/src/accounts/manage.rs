//! Accounts from the command line: adding, listing and removing them in a database, whether a server runs on it or not.

use super::{Account, Role, hash_password, random_secret};
use crate::events::News;
use crate::store::{PutAccount, RemoveAccount, Store, StoreError};
use crate::{DatabasePlace, ServerError};

/// Why an account could not be made or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The database cannot be used.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// What was asked for is not possible.
    #[error("{0}")]
    Refused(String),
}

/// An account that was just made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The account.
    pub account: Account,
    /// Its password, which is kept nowhere.
    pub password: String,
}

impl NewAccount {
    /// What a program sends as `MLFLOW_TRACKING_TOKEN`.
    pub fn token(&self) -> String {
        format!("{}.{}", self.account.name, self.password)
    }
}

/// The accounts of a database.
pub struct Accounts(Store);

impl Accounts {
    /// Opens a database, making it where it is not there.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(db: &DatabasePlace) -> Result<Self, AccountError> {
        crate::server::make_parent(db)?;
        Ok(Self(Store::open(db, News::new()).await?))
    }

    /// Makes an account with a random password, or gives the one of this name a new password and this role.
    ///
    /// # Errors
    /// When the name is not letters, digits, `_`, `-` or `@`, or the last admin would lose that role.
    pub async fn put(&self, name: &str, role: Role) -> Result<NewAccount, AccountError> {
        let password = random_secret();
        let hash = hash_password(&password)
            .ok_or_else(|| AccountError::Refused("argon2 failed".to_owned()))?;
        let put = PutAccount {
            name: name.to_owned(),
            role,
            hash,
            is_new: false,
        };
        let account = self.0.write(put).await.map_err(refused)?;
        Ok(NewAccount { account, password })
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self) -> Result<Vec<Account>, AccountError> {
        self.0.accounts().await.map_err(refused)
    }

    /// Removes an account.
    ///
    /// # Errors
    /// When there is none of that name, or it is the last admin while there are others.
    pub async fn remove(&self, name: &str) -> Result<(), AccountError> {
        let remove = RemoveAccount {
            name: name.to_owned(),
        };
        self.0.write(remove).await.map_err(refused)
    }

    /// Closes the database.
    pub async fn close(self) {
        self.0.close().await;
    }
}

fn refused(error: StoreError) -> AccountError {
    AccountError::Refused(error.to_string())
}
