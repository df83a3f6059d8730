"""Rubrics that grow along a training run: criteria are written from rollouts, admitted, rewarded, and retired."""
