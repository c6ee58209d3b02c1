"""How what people type and paste is read: keyboard layout, transliteration, slips, synonyms, errors."""
