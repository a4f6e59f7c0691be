//! The secret of one start: who shows it may come in.

use std::fmt::Write as _;

/// 256 bits from the operating system, as hexadecimal text.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    pub fn new() -> Result<Token, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let mut text = String::with_capacity(64);
        for byte in bytes {
            write!(text, "{byte:02x}").expect("BUG: a string takes text");
        }
        Ok(Token(text))
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    /// Takes as long for a wrong guess as for a right one.
    pub fn is(&self, said: &str) -> bool {
        let differs = self.0.bytes().zip(said.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
        differs == 0 && said.len() == self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn only_the_whole_token_is_the_token() {
        let token = Token::new().expect("randomness");
        let text = token.text().to_owned();
        assert_eq!(text.len(), 64);
        assert!(token.is(&text));
        assert!(!token.is("") && !token.is(&text[..63]) && !token.is(&format!("{text}0")));
        let other = Token::new().expect("randomness");
        assert!(!token.is(other.text()));
    }
}
