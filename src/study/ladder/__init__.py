"""The ladder: tables under mechanisms that leave ever less to be known, imputed as users would."""
