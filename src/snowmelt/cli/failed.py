import typer
failed_app=typer.Typer()
