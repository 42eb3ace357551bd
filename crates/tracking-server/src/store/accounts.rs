//! Accounts and the audit log in the store. Secrets come here as hashes.

use idiom_tracking_api::{ApiError, ErrorCode};
use serde::Serialize;

use super::database::{Connection, query};
use super::writer::Write;
use super::{Store, StoreError, now};
use crate::accounts::{Account, Role};

/// Makes an account, or changes the one of this name.
pub(crate) struct PutAccount {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) hash: String,
    /// Whether it must not be there yet.
    pub(crate) is_new: bool,
}

impl Write for PutAccount {
    type Output = Account;

    async fn write(&self, connection: &mut Connection) -> Result<Account, StoreError> {
        check_name(&self.name)?;
        let exists: bool = query("SELECT EXISTS (SELECT 1 FROM accounts WHERE name = $1)")
            .bind(&self.name)
            .fetch_one(&mut *connection)
            .await?;
        if exists && self.is_new {
            let message = format!("User (username={}) already exists.", self.name);
            return Err(ApiError::new(ErrorCode::ResourceAlreadyExists, message).into());
        }
        let put = query(
            "INSERT INTO accounts (name, role, password_hash, creation_time) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (name) DO UPDATE SET role = excluded.role, password_hash = excluded.password_hash RETURNING id",
        );
        let put = put
            .bind(&self.name)
            .bind(self.role.as_str())
            .bind(&self.hash)
            .bind(now());
        let id: i64 = put.fetch_one(&mut *connection).await?;
        keep_an_admin(connection).await?;
        Ok(Account {
            id,
            name: self.name.clone(),
            role: self.role,
        })
    }
}

/// Removes an account.
pub(crate) struct RemoveAccount {
    pub(crate) name: String,
}

impl Write for RemoveAccount {
    type Output = ();

    async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let remove = query("DELETE FROM accounts WHERE name = $1").bind(&self.name);
        if remove.execute(&mut *connection).await? == 0 {
            return Err(no_such_user(&self.name).into());
        }
        keep_an_admin(connection).await
    }
}

/// Changes a role or a password, or both.
pub(crate) struct ChangeAccount {
    pub(crate) name: String,
    pub(crate) role: Option<Role>,
    pub(crate) hash: Option<String>,
}

impl Write for ChangeAccount {
    type Output = ();

    async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let change = query(
            "UPDATE accounts SET role = coalesce($2, role), password_hash = coalesce($3, password_hash) WHERE name = $1",
        );
        let change = change
            .bind(&self.name)
            .bind(self.role.map(Role::as_str))
            .bind(&self.hash);
        if change.execute(&mut *connection).await? == 0 {
            return Err(no_such_user(&self.name).into());
        }
        keep_an_admin(connection).await
    }
}

/// One line of the audit log.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Audited {
    pub(crate) at: i64,
    pub(crate) account: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: i64,
}

from_row!(Audited {
    at,
    account,
    method,
    path,
    status
});

impl Write for Audited {
    type Output = ();

    async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        query("INSERT INTO audit (at, account, method, path, status) VALUES ($1, $2, $3, $4, $5)")
            .bind(self.at)
            .bind(&self.account)
            .bind(&self.method)
            .bind(&self.path)
            .bind(self.status)
            .execute(connection)
            .await?;
        Ok(())
    }
}

pub(crate) fn no_such_user(name: &str) -> ApiError {
    ApiError::missing(format!("User with username={name} not found"))
}

/// A name is what can stand before the colon of basic auth and the dot of a token.
fn check_name(name: &str) -> Result<(), ApiError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-@".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(is_plain) {
        return Ok(());
    }
    Err(ApiError::invalid(
        "a username is 1 to 64 letters, digits, `_`, `-` or `@`",
    ))
}

/// Accounts without an admin could never be changed again by anybody.
async fn keep_an_admin(connection: &mut Connection) -> Result<(), StoreError> {
    let (all, admins): (i64, i64) =
        query("SELECT count(*), count(*) FILTER (WHERE role = 'admin') FROM accounts")
            .fetch_one(connection)
            .await?;
    if all > 0 && admins == 0 {
        return Err(ApiError::invalid("there must be an admin while there are accounts").into());
    }
    Ok(())
}

impl Store {
    /// Whether there are accounts.
    pub(crate) async fn has_accounts(&self) -> Result<bool, StoreError> {
        Ok(query("SELECT EXISTS (SELECT 1 FROM accounts)")
            .fetch_one(&mut self.reading().await?)
            .await?)
    }

    /// An account and the hash of its password.
    pub(crate) async fn account(
        &self,
        name: &str,
    ) -> Result<Option<(Account, String)>, StoreError> {
        let read = query("SELECT id, name, role, password_hash FROM accounts WHERE name = $1");
        let row: Option<(i64, String, String, String)> = read
            .bind(name)
            .fetch_optional(&mut self.reading().await?)
            .await?;
        Ok(row.and_then(|(id, name, role, hash)| {
            let role = Role::of_word(&role)?;
            Some((Account { id, name, role }, hash))
        }))
    }

    /// All accounts, by name.
    pub(crate) async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let rows: Vec<(i64, String, String)> =
            query("SELECT id, name, role FROM accounts ORDER BY name")
                .fetch_all(&mut self.reading().await?)
                .await?;
        let account = |(id, name, role): (i64, String, String)| {
            Some(Account {
                id,
                name,
                role: Role::of_word(&role)?,
            })
        };
        Ok(rows.into_iter().filter_map(account).collect())
    }

    /// The newest lines of the audit log, newest first.
    pub(crate) async fn audit(&self, limit: i64) -> Result<Vec<Audited>, StoreError> {
        let newest =
            query("SELECT at, account, method, path, status FROM audit ORDER BY id DESC LIMIT $1");
        Ok(newest
            .bind(limit)
            .fetch_all(&mut self.reading().await?)
            .await?)
    }
}
