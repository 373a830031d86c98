"""Joldama: a national referral network for children with developmental disorders."""
