"""Simulated participants and scenarios: what does this box carry?"""
